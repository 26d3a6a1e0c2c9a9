"""`isogram layers`."""

from __future__ import annotations

from pathlib import Path

import click

from isogram import io
from isogram._output import listed, printable
from isogram._tables import listing, terminal_width
from isogram.cli._answer import answer
from isogram.cli._commands import Command
from isogram.cli._messages import notice
from isogram.cli._options import INPUT, check_targets, ids_option, json_option
from isogram.io._contents import in_order
from isogram.io._formats import contents_of

_SHOWN = 3  # identifiers


@click.command(cls=Command)
@click.argument("file", type=INPUT)
@ids_option
@json_option
def layers(file: Path, ids: str | None, json_path: Path | None) -> None:
    """List the layers in FILE, the identifiers of the samples, and arrays that are no layers.

    FILE is one as for `compare`. Only names, types, shapes and identifiers are read. What `compare`
    would refuse is listed too, with the reason.
    """
    check_targets(json=json_path)
    contents = contents_of(file)
    with contents.files:
        entries = contents.entries
    names = in_order([name for name, entry in entries.items() if entry.is_layer])
    ids_name, identifiers, reason = _identifiers(file, ids)
    skipped = {
        name: str(entry)
        for name, entry in entries.items()
        if not entry.is_layer and name != ids_name
    } | contents.others
    facts = {
        "file": file,
        "layers": [
            {"name": name, "dtype": entries[name].dtype.name, "shape": entries[name].shape}
            for name in names
        ],
        "identifiers": ids_name and {"name": ids_name, "values": identifiers},
        "skipped": skipped,
        "refused": reason,
    }
    lines = [(name, entries[name].dtype.name, str(entries[name].shape)) for name in names]
    text = [
        listing(("layer", "type", "shape"), lines, width=terminal_width()),
        "",
        f"identifiers: {_described(ids_name, identifiers)}",
        *(f"not a layer: {printable(f'{name}, {what}')}" for name, what in skipped.items()),
    ]
    answer("\n".join(text), facts, json_path)
    if reason is not None:
        notice(f"Warning: the other commands refuse this file: {reason}")


def _identifiers(file: Path, ids: str | None) -> tuple[str | None, list[str | int], str | None]:
    """Return the name and the values of identifiers, or why the file is refused."""
    try:
        with io.open(file, ids=ids) as opened:
            values = [] if opened.ids is None else opened.ids.tolist()
            return opened.ids_name, values, None
    except ValueError as error:
        if ids not in (None, "auto"):
            raise
        return None, [], str(error)


def _described(name: str | None, values: list[str | int]) -> str:
    if name is None:
        return "none"
    more = ", …" if len(values) > _SHOWN else ""
    return f"{printable(name)}, {len(values)}: {printable(listed(map(str, values[:_SHOWN])))}{more}"
