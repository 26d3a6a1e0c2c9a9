"""Pages of HTML that need nothing but themselves."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from isogram._output import path_of, replacing

try:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
except ImportError as error:
    raise ImportError(
        "isogram.report needs Jinja2: pip install 'isogram[report]'", name="jinja2"
    ) from error


@dataclass(frozen=True, repr=False)
class Report:
    """A page of HTML, which a notebook shows.

    Attributes
    ----------
    html : str
        The page. It asks for nothing from anywhere, and runs no script but its own.
    facts : dict
        Its contents for other programs: text, numbers and arrays by name.
    """

    html: str
    facts: dict[str, Any]

    def save(self, path: str | Path) -> None:
        """Write the page; an old file is replaced once the new one is whole."""
        with replacing(path_of("save", "path", path)) as stream:
            stream.write(self.html.encode())

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, whose styles stay inside."""
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts allow-downloads" '
            'style="width:100%;height:80vh;border:0"></iframe>'
        )

    def __repr__(self) -> str:
        """Return how long the page is."""
        return f"Report({len(self.html.encode()) / 1000:.0f} kB of HTML)"


def page(
    template: str, facts: dict[str, Any], *, style: str = "", data: Any = None, **context: Any
) -> Report:
    """Return the page of a template.

    Parameters
    ----------
    template
        A file of the folder `templates`.
    facts
        The contents of the page for other programs.
    style
        CSS besides that of every page: of numbers alone, as nothing escapes it.
    data
        Values that the script reads, as JSON.
    context
        Values that the template takes. All text in them is escaped.
    """
    css, script = _file("page.css") + style, _file("page.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(css)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    html = (
        _environment()
        .get_template(template)
        .render(policy=policy, css=Markup(css), script=Markup(script), data=data, **context)
    )
    return Report(html, facts)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("isogram.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    return environment


@cache
def _file(name: str) -> str:
    text = resources.files("isogram.report").joinpath("templates", name).read_text("utf-8")
    return f"\n{text}"


def _hash(text: str) -> str:
    """Return what a policy calls a style or script by: nothing else is applied or run."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
