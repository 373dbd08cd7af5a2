"""The phrase files: their form, their placeholders, and how much variety they hold."""

from __future__ import annotations

import pytest

from anomalygpt.dialogue.kinds import KINDS
from anomalygpt.dialogue.phrasebook import LANGUAGES, KindPhrases, phrasebook
from anomalygpt.dialogue.template import names_in, ways
from anomalygpt.records import PLACES

PRODUCTS = (
    "bottle cable capsule carpet grid hazelnut leather|metal nut|pill screw tile toothbrush transistor wood zipper "
    "concrete fabric|circuit board|cast metal|solar cell|cookie"
)
DEFECTS = (
    "scratch crack hole stain dent cut|missing part|misplaced part|bent part|color fault|contamination|"
    "print fault|damage"
)

PHOTO = {"score", "level", "n", "count", "regions", "refs", "width", "height", "places"}
PRODUCT = {"part", "a_part", "the_part", "look", "material", "purpose"}
DEFECT = {"kind", "a_kind", "kinds", "sign", "cause", "effect", "action", "severity"}
REGION = {"the_one", "at", "place", "share", "box", "sizeword", "shape", "color", "peak"} | {
    f"{at}{extreme}{tail}"
    for extreme in ("largest", "smallest")
    for at, tail in (("", ""), ("at_", ""), ("", "_share"))
}
ASKED = {
    "place": {"asked", "at_asked"},
    "place_check": {"asked", "at_asked"},
    "kind_check": {"asked_kind", "a_asked_kind", "asked_kinds"},
}
REGIONLESS = ("good", "vague", "zero", "any", "known", "object", "texture", "described", "none", "some")
LACONIC = ("yes_no", "two_words", "shorter", "choice")


def keys(text: str) -> set[str]:
    words: list[str] = []
    for chunk in text.split("|"):
        words += [chunk] if chunk.count(" ") == 1 else chunk.split()
    return set(words)


def answer_names(kind: str, case: str) -> set[str]:
    allowed = PHOTO | PRODUCT | DEFECT | ASKED.get(kind, set())
    if not (case in REGIONLESS or case.startswith("good") or case == "no_reference_good" or kind == "certainty"):
        allowed |= REGION
    if kind in ("product", "material", "purpose", "look") or kind in ("yes_no", "two_words", "score"):
        allowed -= REGION
    if case == "many":
        allowed |= {"others"}
    if case == "absent":
        allowed |= {"asked_one"}
    if kind in ("list", "longer", "describe", "summary") and case in ("one", "many"):
        allowed |= {"list"}
    return allowed


def question_names(kind: str, language: str) -> set[str]:
    allowed = {"it", "thing"}
    allowed |= {"place"} if kind in ("place", "place_check") else set()
    if kind == "kind_check":
        allowed |= {"kind", "a_kind", "kinds"} | ({"adjective"} if language == "en" else set())
    return allowed | ({"nth", "number"} if kind == "region" else set())


def asks(phrases: KindPhrases) -> int:
    """How many wordings of a kind were written by hand, alternatives and frames not counted."""
    return sum(len(group) for lists in (phrases.ask, phrases.clause, phrases.noun) for group in lists.values())


def answers(options: tuple[str, ...], phrases: KindPhrases) -> int:
    return sum(ways(option, phrases.parts) for option in options)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_its_file_and_no_file_is_left_over(language):
    assert set(phrasebook(language).kinds) == set(KINDS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_cover_products_defects_and_places(language):
    names = phrasebook(language).names
    assert set(names["products"]) == keys(PRODUCTS)
    assert set(names["defects"]) == keys(DEFECTS) | {"unknown"}
    assert tuple(names["places"]) == PLACES
    spoken = [place["name"] for place in names["places"].values()]
    assert len(set(spoken)) == 9
    for place in names["places"].values():
        assert all(place["name"] in at for at in place["at"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "choice"])
def test_phrases_ask_only_for_placeholders_that_are_filled(language, kind):
    book = phrasebook(language)
    phrases = book.kinds[kind]
    for group in (*phrases.ask.values(), *phrases.clause.values(), *phrases.noun.values()):
        for phrase in group:
            assert names_in(phrase, phrases.parts) <= question_names(kind, language), phrase
    for lists in (phrases.answer, phrases.short):
        for case, options in lists.items():
            assert options
            for phrase in options:
                assert names_in(phrase, phrases.parts) <= answer_names(kind, case), (case, phrase)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_phrase_stands_twice_in_a_list(language):
    for kind, phrases in phrasebook(language).kinds.items():
        for section in (phrases.ask, phrases.clause, phrases.noun, phrases.answer, phrases.short):
            for name, options in section.items():
                assert len(set(options)) == len(options), (kind, name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("language", "asked", "answered"), [("en", 60, 20), ("zh", 40, 15)])
def test_there_is_human_variety(language, asked, answered, kind):
    phrases = phrasebook(language).kinds[kind]
    assert asks(phrases) >= asked
    if kind not in LACONIC:
        assert sum(answers(options, phrases) for options in phrases.answer.values()) >= answered


@pytest.mark.parametrize("language", LANGUAGES)
def test_frames_hold_their_slot(language):
    frames = phrasebook(language).frames
    assert all("{x}" in frame for name in ("clause", "noun", "description") for frame in frames[name])


def test_unknown_language_is_refused():
    with pytest.raises(ValueError, match="no phrases"):
        phrasebook("de")
