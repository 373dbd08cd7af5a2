"""`python -m anomalygpt train`: runs a recipe, or goes on with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[str, typer.Option(help="A recipe: 'embedded-eye', 'embedded-voice', or a JSON file.")],
    out: Annotated[Path, typer.Option(help="Folder of the run. A run that was stopped goes on where it was.")],
    device: Annotated[str, typer.Option(help="'auto' takes a GPU where there is one; 'cpu' does not.")] = "auto",
) -> None:
    """Train one stage of a model by a recipe; resumes by itself."""
    from anomalygpt.config import ConfigError
    from anomalygpt.config.training import load_recipe
    from anomalygpt.training.stages import train as run

    try:
        result = run(load_recipe(config), out, device)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    typer.echo(f"Written: {result}")
