import json
import re
from importlib import resources

import numpy as np
import pytest

from anomalygpt.dialogue.kinds import KINDS as DIALOGUE_KINDS
from anomalygpt.dialogue.phrasebook import LANGUAGES, phrasebook
from anomalygpt.dialogue.template import _alternatives, _tokens
from anomalygpt.evaluation.asking import (
    KINDS,
    Truth,
    asked_kinds,
    choice_question,
    follow_up,
    free_question,
    truth_of,
    wordings,
)
from anomalygpt.simulation.scene import make_sample

TRUTH = Truth(True, "hazelnut", "crack", ("top left", "top"), "round", 1)


def plain(text):
    return re.sub(r"[\W_]+", "", text.lower())


def phrases(language):
    """Every whole wording of a question that training draws from, without its placeholders."""
    book = phrasebook(language)
    lists = [wording for kind in book.kinds.values() for group in kind.ask.values() for wording in group]
    lists += [
        wording
        for kind in book.kinds.values()
        for table in (kind.clause, kind.noun)
        for wording in sum(table.values(), ())
    ]
    return {plain(re.sub(r"\{\w+\}|<\w+>", "", wording)) for wording in lists}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_wording_is_one_of_training(language):
    content = wordings(language)
    held_out = [text for table in ("choice", "free", "follow") for group in content[table].values() for text in group]
    assert len(held_out) == len(set(held_out))
    assert not {plain(text) for text in held_out} & phrases(language)


def pattern(template, parts):
    """A regular expression for all that a template can be worded as, without spaces and signs."""
    pieces = []
    for mark, inner in _tokens(template):
        if mark == "":
            pieces.append(re.escape(plain(inner)))
        elif mark == "[":
            pieces.append(f"(?:{'|'.join(pattern(option, parts) for option in _alternatives(inner))})")
        elif mark == "{":
            pieces.append(r"\w{1,20}")
        else:
            pieces.append(f"(?:{'|'.join(pattern(option, parts) for option in parts[inner])})")
    return "".join(pieces)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_question_can_be_composed_from_the_phrases(language):
    book, content = phrasebook(language), wordings(language)["kinds"]
    found = []
    for name, texts in content.items():
        phrases = book.kinds[name.split(":")[0]]
        templates = [wording for group in phrases.ask.values() for wording in group if name != "unclear"]
        for template in templates:
            if len(plain(re.sub(r"\{\w+\}", "", template))) > 2:
                known = re.compile(pattern(template, phrases.parts))
                found += [(text, template) for text in texts if known.fullmatch(plain(text))]
    assert not found


@pytest.mark.parametrize(("language", "count"), [("en", 150), ("zh", 80)])
def test_there_are_many_questions_of_every_kind(language, count):
    content = wordings(language)["kinds"]
    texts = [text for group in content.values() for text in group]
    assert len({plain(text) or text for text in texts}) == len(texts) >= count
    assert {name.split(":")[0] for name in content} == set(DIALOGUE_KINDS) - {"choice"}
    assert not {plain(text) for text in texts if plain(text)} & phrases(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_wordings(language):
    content = wordings(language)
    for table in ("choice", "free"):
        assert set(content[table]) == set(KINDS) and all(content[table].values())
    assert set(content["follow"]) == {"okay", "sure", "where", "count"}


def test_both_languages_have_files_of_the_same_form():
    folder = resources.files("anomalygpt.evaluation") / "questions"
    forms = []
    for language in LANGUAGES:
        content = json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))
        forms.append({key: len(value) for key, value in content.items()})
    assert forms[0] == forms[1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_choice_has_one_right_option_which_is_true(language, kind):
    book = phrasebook(language)
    for seed in range(5):
        choice = choice_question(kind, TRUTH, book, np.random.default_rng(seed))
        assert len(set(choice.options)) == len(choice.options) == (2 if kind == "discrimination" else 4)
        assert all(
            f"{letter}) {option}" in choice.question for letter, option in zip("ABCD", choice.options, strict=False)
        )
        right = choice.options[choice.right]
        names = book.names
        expected = {
            "discrimination": [wordings(language)["yes_no"][0]],
            "defect classification": [names["defects"]["crack"]["name"]],
            "defect localization": [names["places"]["top left"]["name"]],
            "defect description": [names["shapes"]["round"]],
            "defect analysis": names["defects"]["crack"]["cause"],
            "object classification": [names["products"]["hazelnut"]["name"]],
            "object analysis": [names["products"]["hazelnut"]["purpose"]],
        }[kind]
        assert right in expected
        if kind == "defect localization":
            assert names["places"]["top"]["name"] not in choice.options  # that would be right, too


def test_the_right_option_stands_at_every_letter():
    places = {
        choice_question("defect analysis", TRUTH, phrasebook("en"), np.random.default_rng(s)).right for s in range(40)
    }
    assert places == {0, 1, 2, 3}


def test_what_the_truth_does_not_decide_is_not_asked():
    good = Truth(False, None, None, (), None, 0)
    assert asked_kinds(good) == ["discrimination"]
    assert asked_kinds(TRUTH) == list(KINDS)
    with pytest.raises(ValueError, match="classification"):
        choice_question("defect classification", good, phrasebook("en"), np.random.default_rng(0))
    choice = choice_question("discrimination", good, phrasebook("en"), np.random.default_rng(0))
    assert choice.options[choice.right] == "No"


def test_questions_are_drawn_by_the_generator():
    for name in ("okay", "sure", "where", "count"):
        assert follow_up(name, "zh", np.random.default_rng(1)) == follow_up(name, "zh", np.random.default_rng(1))
    drawn = {free_question("discrimination", "en", np.random.default_rng(seed)) for seed in range(20)}
    assert drawn == set(wordings("en")["free"]["discrimination"])


def test_the_truth_of_samples():
    for seed in range(4):
        sample = make_sample((seed,), 96, anomalous=bool(seed % 2), key="hazelnut")
        truth = truth_of(sample)
        assert truth.anomalous == sample.anomalous == bool(truth.places) == bool(truth.count)
        assert truth.product == "hazelnut"
        if truth.kind is not None:
            assert {defect.kind for defect in sample.defects} == {truth.kind}
