"""`python -m anomalygpt evaluate`: figures on a data set, one's own photos or fresh simulated samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    data: Annotated[str, typer.Option(help="A folder, or 'simulated:200' for that many fresh simulated samples.")],
    out: Annotated[Path, typer.Option(help="Folder for the results. A run that was stopped goes on there.")],
    layout: Annotated[str, typer.Option(help="Of the folder: 'auto' looks; mvtec, visa, folder or mmad.")] = "auto",
    checkpoint: Annotated[str, typer.Option(help="'embedded', or a checkpoint folder.")] = "embedded",
    adapter: Annotated[str, typer.Option(help="Folder 'adapter' of a training from this checkpoint.")] = "",
    shots: Annotated[str, typer.Option(help="Numbers of normal references, such as 0,1,2,4.")] = "1",
    rounds: Annotated[int, typer.Option(min=1, help="How many random choices of references.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of these choices, and of simulated samples.")] = 0,
    baseline: Annotated[
        str,
        typer.Option(
            help="Compared in the same run: absolute-difference, ssim, handmade, random-weights, paper-rule, "
            "fitted-threshold; several with commas."
        ),
    ] = "",
    first_reference: Annotated[
        bool,
        typer.Option(
            "--first-reference",
            help="References are the first good photos by name; photos with a partner in a folder 'reference' are "
            "compared with it; products with one good photo are pooled; masks may be missing.",
        ),
    ] = False,
    paper_references: Annotated[
        bool, typer.Option("--paper-references", help="References at the fixed places of the published runs.")
    ] = False,
    words: Annotated[bool, typer.Option(help="Ask the first question, and measure the answer.")] = True,
    describe: Annotated[bool, typer.Option(help="Tell the model the category's name.")] = False,
    partial_masks: Annotated[
        bool, typer.Option("--partial-masks", help="Defective photos may lack masks; pixels are measured where not.")
    ] = False,
    map_size: Annotated[
        int, typer.Option(min=0, help="Long side of the maps whose pixels are measured; 0: the photo's own.")
    ] = 256,
    category: Annotated[list[str] | None, typer.Option(help="Only this category; may be repeated.")] = None,
    dialogue: Annotated[
        bool, typer.Option("--dialogue", help="With simulated samples: also talk about them, in English and Chinese.")
    ] = False,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1, help="Photos measured side by side; left out: as a CPU has cores, up to 4. Changes no figure."
        ),
    ] = None,
    against: Annotated[Path | None, typer.Option(help="Folder of another run, to compare with.")] = None,
    device: Annotated[str, typer.Option(help="'auto' takes a GPU where there is one; 'cpu' does not.")] = "auto",
) -> None:
    """Measure a checkpoint: maps, verdicts in words, places, beside simpler methods.

    Ends with 0, or with 2 and a message where data, settings or checkpoint cannot be used.
    """
    from anomalygpt.checkpoint.store import CheckpointError
    from anomalygpt.config import ConfigError
    from anomalygpt.datasets.index import DataError
    from anomalygpt.evaluation.protocol import RunSettings, SettingsError
    from anomalygpt.evaluation.report import markdown
    from anomalygpt.evaluation.run import evaluate as run

    try:
        if first_reference and paper_references:
            raise SettingsError("--first-reference and --paper-references cannot both hold. Give one of them.")
        settings = RunSettings(
            data=data,
            layout=layout,
            checkpoint=checkpoint,
            adapter=adapter,
            shots=_numbers(shots),
            rounds=rounds,
            seed=seed,
            references="first" if first_reference else "paper" if paper_references else "seeded",
            baselines=tuple(name.strip() for name in baseline.split(",") if name.strip()),
            words=words,
            map_size=map_size,
            partial_masks=partial_masks,
            describe=describe,
            dialogue=dialogue,
            categories=tuple(category or ()),
        )
        content = run(settings, out, device, batch, against)
    except (DataError, SettingsError, CheckpointError, ConfigError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    typer.echo(markdown(content))
    typer.echo(f"Written: {out / 'results.json'}, report.md, report.html and plots")


def _numbers(text: str) -> tuple[int, ...]:
    from anomalygpt.evaluation.protocol import SettingsError

    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise SettingsError(f"--shots {text}: give numbers with commas, such as 0,1,2,4") from error
