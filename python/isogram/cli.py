"""The `isogram` command (extra `cli`); `_commands.py` holds what it does."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; without click, say what to install and exit with status 1."""
    try:
        from isogram._commands import commands
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print("isogram: the command needs click: pip install 'isogram[cli]'", file=sys.stderr)
        raise SystemExit(1) from None
    commands(prog_name="isogram")


if __name__ == "__main__":
    main()
