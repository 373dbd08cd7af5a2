"""The rooms import one way only, and heavy libraries stay in the rooms that are for them."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "anomalygpt"

MAY_IMPORT = {
    "records": set(),
    "config": set(),
    "imaging": {"records", "config"},
    "dialogue": {"records", "config"},
    "model": {"records", "config", "imaging", "dialogue"},
    "checkpoint": {"records", "config", "imaging", "dialogue", "model"},
    "inspection": {"records", "config", "imaging", "dialogue", "model", "checkpoint"},
    "simulation": {"records", "config", "imaging", "dialogue"},
    "datasets": {"records", "config", "imaging", "dialogue", "simulation"},
    "training": {"records", "config", "imaging", "dialogue", "model", "checkpoint", "simulation", "datasets"},
    "evaluation": {
        *("records", "config", "imaging", "dialogue", "model", "checkpoint"),
        *("inspection", "simulation", "datasets"),
    },
    "web": {"records", "config", "imaging", "dialogue", "model", "checkpoint", "inspection"},
    "cli": None,  # everything
    "__init__": {"inspection"},
    "__main__": {"cli"},
}

ONLY_IN = {
    "gradio": {"web"},
    "open_clip": {"model/encoder.py", "checkpoint"},
    "transformers": {"model/language.py", "model/generation.py", "model/tokenizer.py", "checkpoint"},
    "peft": {"model/language.py", "model/generation.py", "checkpoint"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_is_imported_against_the_arrows(path: Path) -> None:
    allowed = MAY_IMPORT[room(path)]
    if allowed is None:
        return
    rooms = {name.split(".")[1] for name in imported(path) if name.startswith("anomalygpt.")}
    known = {entry for entry in rooms if entry in MAY_IMPORT}
    assert known <= allowed | {room(path)}


@pytest.mark.parametrize("library", ONLY_IN)
def test_heavy_libraries_stay_in_their_rooms(library: str) -> None:
    for path in modules():
        if any(name.split(".")[0] == library for name in imported(path)):
            where = str(path.relative_to(PACKAGE))
            assert any(where == place or where.startswith(f"{place}/") for place in ONLY_IN[library]), where


def test_every_room_has_its_arrows() -> None:
    assert {room(path) for path in modules()} <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 360
