"""`python -m anomalygpt train`: runs a recipe, or goes on with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[
        str, typer.Option(help="A recipe: 'adapt-eye' for your own product, another shipped one, or a JSON file.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run. A run that was stopped goes on where it was.")],
    data: Annotated[
        str | None, typer.Option(help="Your good photos: a folder of them, or in MVTec-AD's or VisA's layout.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="What to start from, such as 'embedded' or a checkpoint folder.")
    ] = None,
    general: Annotated[
        str | None, typer.Option(help="For the paper's recipe: a JSON file of conversations about images.")
    ] = None,
    images: Annotated[
        str | None, typer.Option(help="Folder of the images of --general; left out: the file's own.")
    ] = None,
    device: Annotated[str, typer.Option(help="'auto' takes a GPU where there is one; 'cpu' does not.")] = "auto",
) -> None:
    """Train one stage of a model by a recipe, or a finished model on your own good photos; resumes by itself.

    Ends with 0, or with 2 and a message where recipe, photos or checkpoint cannot be used.
    """
    from anomalygpt.checkpoint.files import CheckpointError
    from anomalygpt.config import ConfigError
    from anomalygpt.config.training import load_recipe, with_changes
    from anomalygpt.datasets.index import DataError
    from anomalygpt.imaging.read import PhotoError
    from anomalygpt.inspection.loading import find_checkpoint
    from anomalygpt.training.stages import train as run

    try:
        recipe = with_changes(load_recipe(config), model=model, data=data, general=general, images=images)
        if recipe.stage in ("adapt", "paper"):
            recipe = with_changes(recipe, model=str(find_checkpoint(recipe.model)))
        result = run(recipe, out, device)
    except (ConfigError, DataError, PhotoError, CheckpointError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    typer.echo(f"Written: {result}")
