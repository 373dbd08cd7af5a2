"""`python -m anomalygpt assemble`: the published files put together to one checkpoint, and that checkpoint checked."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anomalygpt.checkpoint.assembling import Recipe

QUESTION = "Is there any anomaly in the image?"

REPEATS = 4
"""An answer whose words come this often each, on average, is no answer."""


class EncoderChoice(StrEnum):
    """Whose checkpoint the encoder is taken from."""

    openclip = "openclip"
    imagebind = "imagebind"


def assemble(
    out: Annotated[Path, typer.Option(help="Folder of the checkpoint.")],
    preset: Annotated[str, typer.Option(help="A preset's name, or a config file of the published form.")] = "vicuna-7b",
    encoder: Annotated[EncoderChoice, typer.Option(help="Where the encoder comes from.")] = EncoderChoice.imagebind,
    imagebind: Annotated[Path | None, typer.Option(help="ImageBind's checkpoint, a file.")] = None,
    openclip: Annotated[Path | None, typer.Option(help="open_clip's ViT-H-14, a file.")] = None,
    llama: Annotated[Path | None, typer.Option(help="LLaMA-1, a folder in the form of transformers.")] = None,
    vicuna_delta: Annotated[Path | None, typer.Option(help="Vicuna v0's delta, a folder.")] = None,
    vicuna: Annotated[Path | None, typer.Option(help="A finished Vicuna v0, in place of the two.")] = None,
    pandagpt: Annotated[Path | None, typer.Option(help="PandaGPT's delta, a file.")] = None,
    anomalygpt: Annotated[Path | None, typer.Option(help="AnomalyGPT's delta, a file.")] = None,
    merge_lora: Annotated[
        bool,
        typer.Option("--merge-lora/--keep-lora", help="Add PandaGPT's adapters to the weights, or keep them beside."),
    ] = True,
    check: Annotated[
        bool, typer.Option("--check", help="Compare every file of --out with its hash, and ask a question.")
    ] = False,
    device: Annotated[str, typer.Option(help="Where --check asks: 'auto', 'cpu', 'cuda', ...")] = "auto",
) -> None:
    """Assemble the published 7B system; after a stop, the same line goes on where it was.

    With --check alone, an assembled folder is verified. Ends with 0, or with 2 and a message that says which file is
    wrong and why.
    """
    from anomalygpt.checkpoint.assembling import Recipe, check_assembled
    from anomalygpt.checkpoint.files import CheckpointError
    from anomalygpt.config import ConfigError

    encoder_file = openclip if encoder is EncoderChoice.openclip else imagebind
    needed = {f"--{encoder.value}": encoder_file, "--pandagpt": pandagpt, "--anomalygpt": anomalygpt}
    try:
        if any((*needed.values(), llama, vicuna_delta, vicuna)):
            if encoder_file is None or pandagpt is None or anomalygpt is None:
                missing = " and ".join(option for option, path in needed.items() if path is None)
                raise CheckpointError(f"{missing} must be given too; docs/full-size.md says where to fetch each file.")
            recipe = Recipe(
                encoder=encoder.value,
                encoder_file=encoder_file,
                pandagpt=pandagpt,
                anomalygpt=anomalygpt,
                llama=llama,
                vicuna_delta=vicuna_delta,
                vicuna=vicuna,
                merge=merge_lora,
            )
            _assemble(preset, recipe, out)
        elif not check:
            raise CheckpointError("Give the published files (see docs/full-size.md), or --check an assembled folder.")
        if check:
            check_assembled(out)
            typer.echo(f"Every file of {out} is the one that was written, and every tensor has its shape.")
            _ask(out, device)
    except (CheckpointError, ConfigError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    except OSError as error:
        typer.echo(f"{error.filename or out}: {error.strerror or error}. The same command goes on from here.", err=True)
        raise typer.Exit(2) from error


def _assemble(preset: str, recipe: Recipe, out: Path) -> None:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from anomalygpt.checkpoint.assembling import assemble
    from anomalygpt.config import load_config, load_preset

    config = load_config(Path(preset)) if Path(preset).is_file() else load_preset(preset)
    typer.echo("Checking the files against each other ...")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task("Writing", total=None)
        assemble(config, recipe, out, lambda done, total: bar.update(task, completed=done, total=total))
    typer.echo(f"Assembled: {out}")


def _ask(folder: Path, device: str) -> None:
    """Loads a checkpoint and asks a question about a made-up picture."""
    import math

    import numpy as np

    import anomalygpt
    from anomalygpt.checkpoint.files import CheckpointError

    session = anomalygpt.load(str(folder), device).new_session()
    session.set_image(np.linspace(0, 255, 64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8))
    if not all(map(math.isfinite, session.likelihoods(QUESTION, ["Yes", "No"]))):
        raise CheckpointError(
            f"{folder}: the model's answers are no numbers. The files are what was written, so one that went in was "
            "wrong, or this device cannot compute in the number format: try --device cpu."
        )
    answer = "".join(session.ask(QUESTION, temperature=0.0, max_new_tokens=48)).strip()
    typer.echo(f"> {QUESTION}\n{answer}")
    words = answer.split()
    if not words or len(words) > REPEATS * len(set(words)):
        typer.echo(
            "Warning: the answer is empty or repeats itself, as when weights were put together wrongly. Check that "
            "LLaMA is version 1 and Vicuna's delta version 0.",
            err=True,
        )
