"""`python -m anomalygpt simulate`: simulated photos with their truth, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder to write to; made where missing.")],
    count: Annotated[int, typer.Option(min=1, help="How many samples: a query photo, its references and mask.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same samples.")] = 0,
    size: Annotated[int, typer.Option(min=48, max=1024, help="Side of the photos in pixels.")] = 224,
    shots: Annotated[int, typer.Option(min=1, max=16, help="Normal reference photos of each sample.")] = 1,
    product: Annotated[
        str, typer.Option(help="Name of a product, such as 'metal nut'; 'any'; or 'unnamed' for random ones only.")
    ] = "any",
    sheet: Annotated[
        int, typer.Option(min=0, help="Samples on each contact sheet (reference, query, outlined truth); 0: no sheets.")
    ] = 24,
    files: Annotated[bool, typer.Option(help="Write each sample in the layout of MVTec-AD.")] = True,
    workers: Annotated[int, typer.Option(min=1, help="Processes that simulate side by side.")] = 1,
) -> None:
    """Write simulated parts, good and defective, with masks, in MVTec-AD's layout and on contact sheets."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from anomalygpt.datasets.simulated import SimulatedSamples
    from anomalygpt.simulation.export import contact_sheet, product_name, write_sample, write_sheet
    from anomalygpt.simulation.products import NAMED

    key = None if product == "unnamed" else product
    if key not in (None, "any") and key not in NAMED:
        raise typer.BadParameter(
            f"no product is called '{product}'; choose 'any', 'unnamed' or one of: {', '.join(sorted(NAMED))}",
            param_hint="--product",
        )
    if out.exists() and not out.is_dir():
        raise typer.BadParameter(f"{out} is a file; name a folder", param_hint="OUT")
    console = Console(stderr=True)
    samples = SimulatedSamples(count, seed, size, shots, key)
    defective, page = 0, []
    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        for index, sample in enumerate(progress.track(samples.parallel(workers), total=count)):
            defective += sample.anomalous
            if files:
                write_sample(sample, out, product_name(sample), index)
            if sheet:
                page.append(sample)
                if len(page) == sheet or index == count - 1:
                    write_sheet(contact_sheet(page), out / "sheets" / f"sheet_{index // sheet:03d}.png")
                    page.clear()
    console.print(f"{count} samples in {out}: {defective} defective, {count - defective} good")
