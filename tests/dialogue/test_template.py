from __future__ import annotations

import numpy as np
import pytest

from anomalygpt.dialogue.template import PhraseError, expand, names_in, tidy, ways

PARTS = {"flaw": ("flaw", "[big|small] dent"), "end": ("",)}


def texts(template, values=None, parts=PARTS):
    return {expand(template, values or {}, parts, np.random.default_rng(seed)) for seed in range(60)}


def test_alternatives_parts_and_placeholders_nest():
    assert texts("a [<flaw>|{kind} [x|y]]", {"kind": "hole"}) == {
        "a flaw",
        "a big dent",
        "a small dent",
        "a hole x",
        "a hole y",
    }


def test_values_are_never_read_as_templates():
    assert texts("{it}", {"it": "[a|b] {x} <y>"}) == {"[a|b] {x} <y>"}


def test_names_and_ways_cover_every_branch():
    parts = {"p": ("{one}", "two")}
    assert names_in("[{a}|<p>] {b}", parts) == {"a", "b", "one"}
    assert ways("[x|<p>] [y|]", parts) == 6


@pytest.mark.parametrize("template", ["{missing}", "<missing>", "[open", "{open"])
def test_faulty_phrases_are_quoted(template):
    with pytest.raises(PhraseError, match="phrase"):
        expand(template, {}, {}, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("it is a anomaly", "It is an anomaly"),
        ("an uniform area. a hour", "A uniform area. An hour"),
        ("a 8.1% share and a 18% share and a 180x4 box", "An 8.1% share and an 18% share and a 180x4 box"),
        ("yes , there  is one .", "Yes, there is one."),
        ("score 0.93. fine", "Score 0.93. Fine"),
    ],
)
def test_english_is_set_right(raw, wanted):
    assert tidy(raw, "en") == wanted


def test_chinese_keeps_spaces_only_beside_figures():
    assert tidy("约 4.2% ，在 左 上方 。", "zh") == "约 4.2%，在左上方。"
