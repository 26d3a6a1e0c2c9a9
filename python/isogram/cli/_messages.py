"""Messages of commands that fail or warn: one line, in the words of the command line."""

from __future__ import annotations

import errno
import re
import signal
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

import isogram as ig
from isogram._output import printable

_FAILURES = (ArithmeticError, ImportError, MemoryError, RuntimeError, TypeError, ValueError)


class Failure(click.ClickException):
    """An end in one line, whatever characters the message holds."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class UsageFailure(Failure):
    """The end of a command that was not given what it needs."""

    exit_code = click.UsageError.exit_code


class Interrupted(click.ClickException):
    """The end by Ctrl-C, with the exit status that shells give it."""

    exit_code = 128 + signal.SIGINT

    def __init__(self) -> None:
        super().__init__("Aborted!")

    def show(self, file: Any = None) -> None:
        """Write a line below what the terminal shows of the key, and below a bar."""
        with suppress(OSError):
            click.echo(f"\n{self.message}", err=True)


@contextmanager
def failures_in_a_line(words: Mapping[str, str]) -> Iterator[None]:
    """Turn every failure that input or the system can cause into a `Failure`.

    Parameters
    ----------
    words
        The command's words for the arguments that messages name.
    """
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a full disk can still be reported
    except KeyboardInterrupt as error:
        raise Interrupted from error
    except click.UsageError as error:
        message = error.format_message().rstrip(".")
        if error.ctx is not None:
            message += f" (see {error.ctx.command_path} --help)"
        raise UsageFailure(message) from error
    except (click.Abort, click.exceptions.Exit):  # kinds of RuntimeError
        raise
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise  # `isogram … | head`: click ends quietly
        place = "" if error.filename is None else f"{error.filename}: "
        raise Failure(place + _in_words(words, error.strerror or str(error))) from error
    except _FAILURES as error:
        raise Failure(_in_words(words, str(error)) or "out of memory") from error


@contextmanager
def warnings_in_a_line(words: Mapping[str, str]) -> Iterator[None]:
    """Show a warning once, as its message alone, without the source line that raised it."""
    shown: set[str] = set()  # several functions may warn of one layer

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        text = _in_words(words, str(message))
        if text not in shown:
            notice(f"Warning: {text}")
        shown.add(text)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show
        yield


@contextmanager
def going_on(folder: Path) -> Iterator[None]:
    """Say, at Ctrl-C, that a job can go on."""
    try:
        yield
    except KeyboardInterrupt:
        notice(f"What is finished is kept in {folder}: the same command goes on")
        raise


def notice(message: str) -> None:
    """Write one line to stderr; where that is full or closed, the result still goes out."""
    with suppress(OSError):
        click.echo(printable(message), err=True)


def _in_words(words: Mapping[str, str], message: str) -> str:
    """Return a message about a function's arguments as one about a command's."""
    function, colon, rest = message.partition(": ")
    if colon and (_is_public(function) or function == "compare"):  # of isogram.report
        message = rest
    for argument, word in words.items():
        message = message.replace(f"`{argument}`", word)
        message = re.sub(rf"`{argument}\[(\d+)\]`", rf"{word}[\1]", message)
        message = re.sub(rf"`{argument}\[(.*?)\]`", rf"layer \1 of {word}", message)
        message = re.sub(rf"\b{argument}='(.*?)'", rf"{word} \1", message)
    return message


def _is_public(name: str) -> bool:
    """Whether isogram has a function of that name, or a class has a method."""
    owner: Any = ig
    for part in name.split("."):
        owner = getattr(owner, part, None)
    return owner is not None
