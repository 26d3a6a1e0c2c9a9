"""The walk over tiles: `run.py` is the page to read first."""
