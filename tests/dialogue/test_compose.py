"""Composed dialogues agree with the facts that they were composed from."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from anomalygpt.dialogue import MAX_TURNS, compose, describe, detect_language, parse_verdict
from anomalygpt.dialogue.asking import ask
from anomalygpt.dialogue.compose import answer, answer_values
from anomalygpt.dialogue.kinds import KINDS, Asked, case_of
from anomalygpt.dialogue.measures import box_text, share_text, unit_text
from anomalygpt.dialogue.phrasebook import LANGUAGES, phrasebook
from anomalygpt.dialogue.template import expand, tidy
from anomalygpt.dialogue.verdict import detect_language as language_of
from anomalygpt.dialogue.words import described_name

EN = phrasebook("en")
NUMBER = {"en": EN.names["numbers"], "zh": phrasebook("zh").names["numbers"]}


def asked_and_answered(book, facts, kind, rng, pinned=None):
    asked = ask(book, facts, kind, False, pinned, rng)
    return asked, answer(book, facts, asked, [], rng)


def many(make_facts, seeds, **wanted):
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        yield make_facts(rng, **wanted), rng


@pytest.mark.parametrize("language", LANGUAGES)
def test_dialogues_are_well_formed(language, make_facts):
    for facts, rng in many(make_facts, 120):
        turns = int(rng.integers(1, MAX_TURNS + 1))
        dialogue = compose(facts, rng, language, turns)
        assert len(dialogue) == turns
        for turn in dialogue:
            for text in (turn.question, turn.answer):
                assert text == text.strip() and text
                assert "  " not in text
                assert not re.search(r"[{}\[\]<>|]|(?<![.!?:] )(?<!^)\bNone\b|\bnan\b", text), text
                assert not re.search(r" [,.;:?!，。；：？！]", text), text
            assert not re.search(r"[,;，；、]$|[.。]{2}|[,，][.。,，]", turn.answer), turn.answer
            assert re.search(r"[.!?)。！？）]$", turn.answer), turn.answer
            assert len(turn.answer.split()) <= 110
            assert turn.verdict in (None, facts.evidence.anomalous), turn
            assert turn.finished


def test_english_articles_are_right(make_facts):
    for facts, rng in many(make_facts, 120):
        for turn in compose(facts, rng, "en", 8):
            if detect_language(turn.answer) == "en":
                wrong = re.search(
                    r"\b(?:a [aeio]\w+|an (?!hour|honest|8|1[18]\b)[^aeiou\W]\w*|a an?|the the|the an?)\b",
                    turn.answer.lower(),
                )
                assert not wrong or re.match(r"a (?:one|uni|eu)", wrong[0]), turn.answer


STATING = (
    "presence",
    "okay",
    "either",
    "yes_no",
    "two_words",
    "contradict",
    "insist",
    "agree",
    "shorter",
    "repeat",
    "score",
)


NEUTRAL = ("product", "material", "purpose", "look", "references", "photo_size", "thanks", "greeting", "bye", "who")
NEUTRAL += ("can_do", "how", "off_topic", "unclear")


def by_case(book, kind, make_facts):
    """One question with its facts for each case of a kind that chance brings up."""
    cases = {}
    for facts, rng in many(make_facts, 400):
        pinned = 2 if len(facts.evidence.regions) > 1 and rng.random() < 0.5 else None
        asked = ask(book, facts, kind, False, pinned, rng)
        case, index = case_of(asked, facts)
        cases.setdefault(case, (facts, asked, index))
        if set(book.kinds[kind].answer) <= set(cases):
            break
    return cases


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "choice"])
def test_every_answer_is_read_as_the_facts_say_or_as_nothing(language, kind, make_facts, rng):
    book = phrasebook(language)
    cases = by_case(book, kind, make_facts)
    assert set(book.kinds[kind].answer) <= set(cases), "a case that never comes up"
    for case, (facts, asked, index) in cases.items():
        for phrase in book.kinds[kind].answer.get(case) or book.shared[case]:
            values = answer_values(book, facts, asked, index, rng)
            text = tidy(expand(phrase, values, book.kinds[kind].parts, rng), language)
            allowed = (facts.evidence.anomalous,) if kind in STATING else (facts.evidence.anomalous, None)
            allowed = (None,) if kind in NEUTRAL else allowed
            assert parse_verdict(text) in allowed, (case, text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["presence", "okay", "either"])
def test_presence_is_said_clearly_and_read_back(language, kind, make_facts):
    book = phrasebook(language)
    for facts, rng in many(make_facts, 80):
        _, text = asked_and_answered(book, facts, kind, rng)
        assert parse_verdict(text) is facts.evidence.anomalous, text
        if facts.evidence.regions:
            assert book.names["places"][facts.evidence.regions[0].place]["name"] in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["contradict", "insist", "agree", "ship", "yes_no", "two_words"])
def test_the_user_never_changes_the_verdict(language, kind, make_facts):
    for facts, rng in many(make_facts, 80):
        _, text = asked_and_answered(phrasebook(language), facts, kind, rng)
        assert parse_verdict(text) in (None, facts.evidence.anomalous), text
        if kind not in ("ship",):
            assert parse_verdict(text) is facts.evidence.anomalous, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_names_the_place_of_the_region_asked_of(language, make_facts):
    book = phrasebook(language)
    for facts, rng in many(make_facts, 100, anomalous=True):
        asked, text = asked_and_answered(book, facts, "where", rng)
        case, index = case_of(asked, facts)
        if case in ("one", "many", "nth"):
            assert book.names["places"][facts.evidence.regions[index - 1].place]["name"] in text.lower()


@pytest.mark.parametrize("language", LANGUAGES)
def test_count_says_the_number_of_regions(language, make_facts):
    book = phrasebook(language)
    for facts, rng in many(make_facts, 100):
        asked, text = asked_and_answered(book, facts, "count", rng)
        count = len(facts.evidence.regions)
        if count:
            words = (
                {str(count), NUMBER[language][count]}
                | ({"一"} if count == 1 else set())
                | ({"only", "single"} if count == 1 else set())
            )
            found = re.findall(r"[a-z]+|\d+|[\u4e00-\u9fff]", text.lower())
            assert words & set(found), text
        else:
            assert case_of(asked, facts)[0] in ("zero", "vague")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("kind", "figures"), [("size", (share_text, box_text)), ("percent", (share_text,)), ("pixels", (box_text,))]
)
def test_figures_are_those_measured(language, kind, figures, make_facts):
    for facts, rng in many(make_facts, 80, anomalous=True):
        asked, text = asked_and_answered(phrasebook(language), facts, kind, rng)
        case, index = case_of(asked, facts)
        if case in ("one", "many", "nth"):
            region = facts.evidence.regions[index - 1]
            found = re.findall(r"\d+x\d+|[\d.]+%", text)
            assert found
            assert set(found) <= {figure(region) for figure in (share_text, box_text)}
            assert any(figure(region) in text for figure in figures)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_in_every_answer_was_measured(language, make_facts):
    for facts, rng in many(make_facts, 100):
        evidence = facts.evidence
        known = {unit_text(evidence.score), "0.5", "0.50", f"{evidence.width}x{evidence.height}"}
        for region in evidence.regions:
            known |= {share_text(region), box_text(region), unit_text(region.peak)}
        for turn in compose(facts, rng, language, 8):
            assert set(re.findall(r"\d+x\d+|\d[\d.]*%|0\.\d+(?!\d*%)", turn.answer)) <= known, turn


@pytest.mark.parametrize("language", LANGUAGES)
def test_places_asked_of_are_answered_from_the_regions(language, make_facts):
    book = phrasebook(language)
    seen = set()
    for facts, rng in many(make_facts, 300):
        asked, text = asked_and_answered(book, facts, "place", rng)
        case, _ = case_of(asked, facts)
        seen.add(case)
        places = {region.place for region in facts.evidence.regions}
        if case == "there":
            assert asked.place in places
        if case == "elsewhere":
            assert asked.place not in places
            assert book.names["places"][facts.evidence.regions[0].place]["name"] in text.lower()
    assert seen == {"there", "near", "elsewhere", "good", "vague"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_region_that_is_not_there_is_denied(language, make_facts):
    denied = 0
    for facts, rng in many(make_facts, 100, anomalous=True, count=1):
        asked, text = asked_and_answered(phrasebook(language), facts, "region", rng)
        case, _ = case_of(asked, facts)
        assert case == "absent"
        denied += 1
        assert re.search(r"\b(?:no|not|only|just|nothing)\b|n't|没有|只|没|仅", text.lower()), text
    assert denied == 100


def test_it_means_the_region_just_spoken_of(make_facts):
    for facts, rng in many(make_facts, 60, anomalous=True, count=3):
        asked = ask(EN, facts, "size", False, 2, rng)
        if asked.focus == 2:
            assert share_text(facts.evidence.regions[1]) in answer(EN, facts, asked, [], rng)


def test_unknown_products_are_not_named(make_facts):
    for facts, rng in many(make_facts, 80):
        hidden = replace(facts, product=None, description="")
        _, text = asked_and_answered(EN, hidden, "product", rng)
        assert not any(entry["name"] in text for entry in EN.names["products"].values() if len(entry["name"]) > 4), text
        told = replace(hidden, description="a rubber gasket")
        assert "rubber gasket" in asked_and_answered(EN, told, "product", rng)[1].lower()
        known = replace(hidden, product="hazelnut")
        assert "hazelnut" in asked_and_answered(EN, known, "product", rng)[1].lower()


@pytest.mark.parametrize("language", LANGUAGES)
def test_multiple_choice_gives_the_letter_of_the_right_option(language, make_facts):
    for facts, rng in many(make_facts, 100):
        asked, text = asked_and_answered(phrasebook(language), facts, "choice", rng)
        option, letter = re.fullmatch(r"(.+?) ?[(（]([A-D])[)）][.。]", text).groups()
        assert re.search(rf"{letter}[):：）] ?{re.escape(option)}", asked.text, re.IGNORECASE), (asked.text, text)


def test_weak_scores_are_spoken_of_with_care(make_facts):
    for score in (0.4, 0.49, 0.52, 0.6):
        for facts, rng in many(make_facts, 60, anomalous=score >= 0.5, count=1):
            weak = replace(facts, evidence=replace(facts.evidence, score=score))
            text = answer(EN, weak, Asked("presence", "?"), [], rng).lower()
            assert re.search(
                r"certain|sure|probably|possibly|likely|perhaps|maybe|might|may|think|seem|weak|faint|doubt|though|rather|lean|guess|careful|border|suspect|close",
                text,
            ), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_state_same_dialogue(language, make_facts, rng):
    facts = make_facts(rng)
    first, second = (compose(facts, np.random.default_rng(3), language, 6) for _ in range(2))
    assert first == second
    assert first != compose(facts, np.random.default_rng(4), language, 6)


def test_answers_come_in_the_language_of_the_question(make_facts):
    switched = 0
    for facts, rng in many(make_facts, 100):
        for turn in compose(facts, rng, "zh", 6):
            if re.search(r"[a-z]{2} [a-z]{2,} [a-z]|[\u4e00-\u9fff]", turn.question.lower()):
                switched += language_of(turn.question) == "en"
                if re.search(r"[a-z]{2}|[\u4e00-\u9fff]", turn.answer.lower()):  # "3 (B)." is of no language
                    assert language_of(turn.answer) == language_of(turn.question), turn
    assert 0 < switched < 100


def test_every_kind_is_asked_and_the_paper_question_opens_often(make_facts):
    firsts = [compose(facts, rng, "en", 1)[0].question for facts, rng in many(make_facts, 300)]
    share = sum(question.startswith("Is there any anomaly in the image") for question in firsts) / len(firsts)
    assert 0.2 < share < 0.5
    assert len(set(firsts)) > 120


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_is_answered_in_every_case(language, make_facts):
    book = phrasebook(language)
    for kind in KINDS:
        for facts, rng in many(make_facts, 10):
            asked, text = asked_and_answered(book, facts, kind, rng)
            assert asked.text and text


@pytest.mark.parametrize("language", LANGUAGES)
def test_descriptions_name_the_part(language, rng):
    for product in (None, *EN.names["products"]):
        for _ in range(5):
            text = describe(product, False, language, rng)
            assert described_name(text, language), text


def test_faulty_arguments_are_refused(make_facts, rng):
    facts = make_facts(rng)
    with pytest.raises(ValueError, match="1 to 10"):
        compose(facts, rng, "en", 0)
    with pytest.raises(ValueError, match="no product"):
        compose(replace(facts, product="spaceship"), rng, "en", 1)
    with pytest.raises(ValueError, match="no defect"):
        compose(replace(facts, product=None, defects=("gremlin",)), rng, "en", 1)
    with pytest.raises(ValueError, match="language"):
        compose(facts, rng, "de", 1)
