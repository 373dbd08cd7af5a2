"""The reports of a run: the same sections as Markdown and as HTML."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from anomalygpt.evaluation.tables import Section, provenance_line, sections


def write_reports(content: dict[str, Any], out: Path) -> None:
    """Writes `report.md` and `report.html` into a folder, each beside its place and then renamed."""
    _write(out / "report.md", markdown(content))
    _write(out / "report.html", html(content))


def markdown(content: dict[str, Any]) -> str:
    """The report as Markdown."""
    title = f"# {content['model']} on {content['settings']['data']}"
    parts = [title, f"`{content['command']}`", provenance_line(content)]
    parts += [_markdown_section(section) for section in sections(content)]
    return "\n\n".join(parts) + "\n"


def html(content: dict[str, Any]) -> str:
    """The report as one HTML page; its pictures lie in files beside it."""
    environment = Environment(
        loader=PackageLoader("anomalygpt.evaluation", "."), autoescape=select_autoescape(default=True)
    )
    template = environment.get_template("report.html.j2")
    return template.render(content=content, provenance=provenance_line(content), sections=sections(content))


def _markdown_section(section: Section) -> str:
    parts = [f"{'#' * section.level} {section.title}", *section.lines]
    if section.rows:
        lines = ["| " + " | ".join(section.header) + " |", "|---|" + "---:|" * (len(section.header) - 1)]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in section.rows]
        parts.append("\n".join(lines))
    if section.images:
        parts.append("\n".join(f"![{Path(image).stem}]({image})" for image in section.images))
    return "\n\n".join(parts)


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
