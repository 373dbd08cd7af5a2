from pathlib import Path

import typer
from typer.testing import CliRunner

from anomalygpt.cli.simulate import simulate

app = typer.Typer()
app.command()(simulate)


def test_samples_and_sheets_are_written(tmp_path: Path) -> None:
    options = ["--count", "3", "--size", "48", "--product", "pill", "--sheet", "2"]
    result = CliRunner().invoke(app, [str(tmp_path), *options])
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "pill" / "test").rglob("*.png"))) == 3
    assert len(list((tmp_path / "pill" / "train" / "good").glob("*.png"))) == 3
    assert [path.name for path in sorted((tmp_path / "sheets").iterdir())] == ["sheet_000.png", "sheet_001.png"]


def test_an_unknown_product_is_named_with_the_choices(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path), "--product", "spoon"])
    assert result.exit_code == 2
    assert "spoon" in result.output and "zipper" in result.output
