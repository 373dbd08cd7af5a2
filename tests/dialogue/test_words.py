from __future__ import annotations

from dataclasses import replace

import pytest

from anomalygpt.dialogue.phrasebook import LANGUAGES, phrasebook
from anomalygpt.dialogue.words import color_phrases, described_name, part_name, places_text


@pytest.mark.parametrize(
    ("description", "language", "name"),
    [
        ("a metal nut", "en", "metal nut"),
        ("This is a PCB.", "en", "PCB"),
        ("Bushing", "en", "bushing"),
        ("", "en", None),
        ("a nut, which should be free of scratches", "en", None),
        ("一个塑料支架", "zh", "塑料支架"),
        ("这是齿轮", "zh", "齿轮"),
        ("a metal nut", "zh", None),
    ],
)
def test_the_name_in_a_description(description, language, name):
    assert described_name(description, language) == name


def test_what_the_part_is_called(make_facts, rng):
    facts = replace(make_facts(rng), texture=False, description="a rubber gasket")
    book = phrasebook("en")
    assert part_name(book, replace(facts, product="metal nut")) == "metal nut"
    assert part_name(book, replace(facts, product=None)) == "rubber gasket"
    assert part_name(book, replace(facts, product=None, description="")) == "part"
    assert part_name(book, replace(facts, product=None, description="", texture=True)) == "textured surface"


def test_places_are_joined_once_each_and_at_most_three(make_evidence, rng):
    regions = make_evidence(rng, anomalous=True, count=5).regions
    book = phrasebook("en")
    placed = [
        replace(region, place=place)
        for region, place in zip(regions, ("top", "left", "top", "right", "bottom"), strict=True)
    ]
    assert places_text(book, placed[:1]) == "at the top"
    assert places_text(book, placed[:3]) == "at the top and on the left"
    assert places_text(book, placed) == "at the top, on the left, on the right and in one more place"


@pytest.mark.parametrize("language", LANGUAGES)
def test_colors_have_distinct_phrases(language):
    phrases = color_phrases(phrasebook(language).names["colors"])
    assert {"darker", "much darker redder", "bluer", "same color"} < set(phrases)
    assert len(set(phrases.values())) == len(phrases) == 25
