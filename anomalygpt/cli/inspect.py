"""`python -m anomalygpt inspect`: one photo, its map and the answers about it, without a browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomalygpt.cli.options import (
    Adapter,
    Checkpoint,
    Device,
    EncoderSource,
    LanguageSource,
    MaxMemory,
    PrecisionOption,
)

if TYPE_CHECKING:
    from anomalygpt.inspection.session import Session

FIRST_QUESTION = "Is there any anomaly in the image?"


def inspect(
    photo: Annotated[Path, typer.Argument(help="Photo of the part.")],
    reference: Annotated[list[Path] | None, typer.Option(help="Photo of a good part; may be repeated.")] = None,
    ask: Annotated[
        list[str] | None, typer.Option(help=f"Question; may be repeated. Left out: {FIRST_QUESTION!r}")
    ] = None,
    description: Annotated[str, typer.Option(help="What the part is, in your words.")] = "",
    checkpoint: Checkpoint = "embedded",
    device: Device = "auto",
    precision: PrecisionOption = "auto",
    max_memory: MaxMemory = None,
    language: LanguageSource = None,
    encoder: EncoderSource = None,
    adapter: Adapter = None,
    out: Annotated[Path, typer.Option(help="Folder for the overlay (PNG) and the record (JSON).")] = Path(
        "inspections"
    ),
    temperature: Annotated[
        float | None, typer.Option(help="Of the answers; 0 always takes the likeliest word.", min=0, max=2)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the answers, where the temperature is over 0.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the record alone, as JSON.")] = False,
) -> None:
    """Inspect one photo: print the answers, write the overlay and the record.

    Ends with 0, or with 2 and a message where a photo, a question or a checkpoint cannot be used.
    """
    import anomalygpt
    from anomalygpt.checkpoint.store import CheckpointError
    from anomalygpt.config import ConfigError
    from anomalygpt.imaging.read import PhotoError
    from anomalygpt.inspection.errors import QuestionError, ReferenceError
    from anomalygpt.inspection.report import json_report, record_of
    from anomalygpt.model.generation import ContextFull

    try:
        inspector = anomalygpt.load(checkpoint, device, precision, max_memory, language, encoder, adapter)
        session = inspector.new_session(description)
        session.set_references(reference or [])
        evidence = session.set_image(photo).evidence
        if not as_json:
            side = "anomalous" if evidence.anomalous else "normal"
            typer.echo(f"Map: {side}, score {evidence.score:.2f}, {len(evidence.regions)} region(s)")
        for question in ask or [FIRST_QUESTION]:
            pieces = session.ask(question, temperature=temperature, seed=seed)
            if as_json:
                for _ in pieces:
                    pass
                continue
            typer.echo(f"\n> {question}")
            for piece in pieces:
                typer.echo(piece, nl=False)
            typer.echo()
    except (PhotoError, ReferenceError, QuestionError, ContextFull, CheckpointError, ConfigError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    settings = {"temperature": temperature, "seed": seed}
    record = json_report(record_of(session, photo.name, settings))
    try:
        written = _write(session, record, out, photo.stem)
    except OSError as error:
        typer.echo(f"{out} cannot be written: {error.strerror or error}. Give another folder with --out.", err=True)
        raise typer.Exit(2) from error
    if as_json:
        typer.echo(record, nl=False)
    else:
        typer.echo("\nWritten: " + ", ".join(str(path) for path in written))


def _write(session: Session, record: str, folder: Path, stem: str) -> tuple[Path, Path]:
    """Writes overlay and record beside their places and renames them, so that nothing is ever half written."""
    from anomalygpt.inspection.report import overlay_png

    inspection = session.inspection
    assert inspection is not None
    folder.mkdir(parents=True, exist_ok=True)
    picture, text = folder / f"{stem}.overlay.png", folder / f"{stem}.json"
    beside = picture.with_name(f".{picture.name}.{os.getpid()}")
    try:
        beside.write_bytes(overlay_png(inspection))
        os.replace(beside, picture)
        beside = text.with_name(f".{text.name}.{os.getpid()}")
        beside.write_text(record, encoding="utf-8")
        os.replace(beside, text)
    finally:
        beside.unlink(missing_ok=True)
    return picture, text
