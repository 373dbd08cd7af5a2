from __future__ import annotations

import numpy as np

from anomalygpt.dialogue.typing_noise import respelled, slip, typed


def test_a_slip_changes_one_word_by_at_most_one_letter():
    for seed in range(80):
        slipped = slip("Where is the scratch on it?", np.random.default_rng(seed))
        pairs = list(zip(["Where", "is", "the", "scratch", "on", "it?"], slipped.split(), strict=True))
        changed = [(old, new) for old, new in pairs if old != new]
        assert len(changed) <= 1
        assert all(abs(len(old) - len(new)) <= 1 for old, new in changed)


def test_short_words_are_left_alone(rng):
    assert slip("is it ok?", rng) == "is it ok?"


def test_other_spellings_keep_the_capital(rng):
    assert respelled("What is the size?", [("what is", "what's")], rng) == "What's the size?"
    assert respelled("Recolored", [("color", "colour")], rng) == "Recolored"


def test_most_questions_stay_as_they_are_and_none_gets_lost():
    results = [typed("Is there a defect?", "en", np.random.default_rng(seed)) for seed in range(400)]
    assert all(results)
    assert 0.35 < results.count("Is there a defect?") / len(results) < 0.75
    assert typed("?", "en", np.random.default_rng(0))


def test_chinese_gets_no_latin_slips():
    results = {typed("这里有异常吗？", "zh", np.random.default_rng(seed)) for seed in range(100)}
    assert results <= {"这里有异常吗？", "这里有异常吗", "这里有异常吗?"}
