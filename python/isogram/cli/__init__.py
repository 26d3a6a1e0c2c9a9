"""The `isogram` command (extra `cli`): each of its commands is a file of this folder."""

from __future__ import annotations

import io
import os
import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; without click, say what to install and exit with status 1."""
    try:
        from isogram.cli._commands import commands
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print("isogram: the command needs click: pip install 'isogram[cli]'", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:  # while modules are loaded
        raise SystemExit(128 + signal.SIGINT) from None
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of layers that it cannot encode
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        commands(prog_name="isogram")
    finally:
        _discard_what_cannot_be_written()


def _discard_what_cannot_be_written() -> None:
    """Keep the interpreter from trying again, and complaining in its own words, as it ends."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except OSError:  # a full disk, which the exit status tells already
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
