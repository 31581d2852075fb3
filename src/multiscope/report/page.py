"""The page: one HTML file without scripts or outside requests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2

from multiscope.report.blocks import Section


def render(*, title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """HTML of the page; every text is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html.j2")
    return template.render(title=title, subtitle=subtitle, sections=sections)
