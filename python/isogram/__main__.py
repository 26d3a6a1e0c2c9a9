"""`python -m isogram`."""

from isogram.cli import main

main()
