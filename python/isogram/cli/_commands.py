"""The group of all commands; each is the function of the same name in a file of its own."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import click

import isogram as ig
from isogram import cli
from isogram.cli._messages import failures_in_a_line, warnings_in_a_line

# The words of functions and of commands for two sets of layers.
A_AND_B = {"layers": "A", "other": "B", "x": "A", "y": "B"}


class Command(click.Command):
    """A command that ends in a message, not in a traceback.

    `words` are what it calls the arguments of the functions that it calls.
    """

    def __init__(self, *args: Any, words: Mapping[str, str] | None = None, **options: Any) -> None:
        """Take what click takes, and the words."""
        super().__init__(*args, **options)
        self.words = {**{str(p.name): _called(p) for p in self.params}, **(words or {})}

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the arguments."""
        with failures_in_a_line(self.words):
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with failures_in_a_line(self.words), warnings_in_a_line(self.words):
            return super().invoke(ctx)


class _Commands(Command, click.Group):
    """The commands in the files of this folder, which are loaded when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = (module.name for module in iter_modules(cli.__path__))
        return sorted(name for name in names if not name.startswith("_"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        command: click.Command = getattr(import_module(f"{cli.__name__}.{name}"), name)
        return command


def _called(parameter: click.Parameter) -> str:
    """Return what the command line calls a parameter."""
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return str(parameter.name).upper()


def _prints(text: Callable[[], str]) -> Callable[[click.Context, click.Parameter, bool], None]:
    """Return the callback of an option that prints a text and ends the command."""

    def callback(context: click.Context, _parameter: click.Parameter, is_given: bool) -> None:
        if is_given and not context.resilient_parsing:
            click.echo(text())
            context.exit()

    return callback


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(ig.__version__, prog_name="isogram")
@click.option(
    "--includes",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_prints(lambda: shlex.quote(f"-I{ig.get_include()}")),
    help="Print the flags by which a C++ compiler finds the headers, and exit.",
)
@click.option(
    "--cmakedir",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_prints(lambda: ig.get_cmake_dir()),
    help="Print the folder of the CMake package, isogram_DIR, and exit.",
)
@click.pass_context
def commands(ctx: click.Context) -> None:
    """Compare representations of neural networks: RSMs, CKA and GBS."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
