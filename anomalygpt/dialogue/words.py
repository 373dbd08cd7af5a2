"""Facts in the words of one language: what the placeholders of questions and answers are filled with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from anomalygpt.dialogue.measures import (
    LIGHTS,
    TINTS,
    box_text,
    color_of,
    largest_of,
    level_of,
    shape_of,
    share_text,
    size_of,
    smallest_of,
    unit_text,
)
from anomalygpt.dialogue.phrasebook import Phrasebook
from anomalygpt.dialogue.verdict import detect_language
from anomalygpt.records import Facts, Region

Filled = dict[str, str | Sequence[str]]

_PLACES_NAMED = 3
_MEASURED_ZH = r"(?:张|个|块|片|颗|枚|只|条|根|种|粒|件)"
_ARTICLE = re.compile(r"^(?:an?|the|this is an?|photo of an?)\s+", re.IGNORECASE)


def described_name(description: str, language: str) -> str | None:
    """The short name in a user's description ("a metal nut": "metal nut"), or None where it gives none.

    Only descriptions in the language of the dialogue, of at most four words (12 signs in Chinese), name a part.
    """
    text = description.strip().rstrip(".。!！")
    if not text or detect_language(text) != language:
        return None
    if language == "zh":
        text = re.sub(rf"^(?:这是)?(?:[一这]{_MEASURED_ZH})?", "", text)
        text = re.sub(r"的?(?:照片|图片|图像)$", "", text)
        return text if 0 < len(text) <= 12 and not re.search(r"[，。？！；]", text) else None
    text = _ARTICLE.sub("", text)
    text = text[:1].lower() + text[1:] if text[1:2].islower() else text
    return text if 0 < len(text.split()) <= 4 and not re.search(r"[,.;:?!]", text) else None


def defect_entry(book: Phrasebook, kind: str | None) -> dict[str, Any]:
    """What the language knows of a kind of defect; the entry "unknown" where it knows none."""
    defects = book.names["defects"]
    return dict(defects.get(kind, defects["unknown"]))


def defect_of(facts: Facts, index: int) -> str | None:
    """The true kind under the region of that index (from 1), None where none is known."""
    return facts.defects[index - 1] if 0 < index <= len(facts.defects) else None


def product_entry(book: Phrasebook, facts: Facts) -> dict[str, Any]:
    """What the language knows of the product; of an unknown object or texture where it is not known."""
    known = book.names["products"].get(facts.product)
    return dict(known or book.names["unknown"]["texture" if facts.texture else "object"])


def part_name(book: Phrasebook, facts: Facts) -> str:
    """The product's name without article: known, else as the user describes it, else "part" or "textured surface"."""
    entry = product_entry(book, facts)
    if facts.product is None:
        return described_name(facts.description, book.language) or str(entry["name"])
    return str(entry["name"])


def things(book: Phrasebook, facts: Facts) -> list[str]:
    """What a user may call the inspected product, its own names among them where it has some."""
    table = book.names["thing"]
    words = list(table["texture" if facts.texture else "object"])
    if facts.product is not None:
        entry = product_entry(book, facts)
        own = [entry["name"], entry["name"], *entry["other"]]
        words += [form.replace("#", name) for name in own for form in table["named"]]
    return words


def ordinal(book: Phrasebook, index: int) -> str:
    """The ordinal word of a region's index, from 1."""
    return str(book.names["ordinals"][index - 1])


def join(book: Phrasebook, items: Sequence[str]) -> str:
    """Joins with commas and "and"."""
    grammar = book.names["grammar"]
    if len(items) < 2:
        return "".join(items)
    return str(grammar["comma"]).join(items[:-1]) + str(grammar["and"]) + items[-1]


def places_text(book: Phrasebook, regions: Iterable[Region]) -> str:
    """The places of regions with their prepositions, each once, the strongest first; beyond three, how many more."""
    places = list(dict.fromkeys(region.place for region in regions))
    named = [str(book.names["places"][place]["at"][0]) for place in places[:_PLACES_NAMED]]
    rest = len(places) - len(named)
    if rest:
        table = book.names["grammar"]
        named.append(table["one_more_place"] if rest == 1 else table["more_places"].replace("#", str(rest)))
    return join(book, named)


def shape_text(book: Phrasebook, region: Region) -> str:
    """Shape and direction as an adjective."""
    return str(book.names["shapes"][shape_of(region)])


def color_text(book: Phrasebook, region: Region) -> str:
    """Colour against the surroundings as a comparative phrase."""
    return color_phrases(book.names["colors"])[color_of(region)]


def color_phrases(table: Mapping[str, str]) -> dict[str, str]:
    """The comparative phrase of every class of `measures.color_of`, from a language's table of colours."""
    phrases = {}
    for light in LIGHTS:
        for tint in TINTS:
            classes = [word for word in (light, tint) if word in table]
            said = table["join"].join(table[word] for word in classes)
            phrases[" ".join(classes) or "same color"] = (
                table["frame"].replace("#", said) if classes else table["same color"]
            )
    return phrases


def defect_values(book: Phrasebook, kind: str | None) -> Filled:
    """Placeholders that follow from the kind of defect alone."""
    entry = defect_entry(book, kind)
    names = entry["names"] if kind is None else [entry["name"]]
    article = "a " if entry.get("article") else ""
    return {
        "kind": names,
        "a_kind": [article + name for name in names],
        "kinds": entry["plural"],
        "sign": entry["sign"],
        "cause": entry["cause"],
        "effect": entry["effect"],
        "action": entry["action"],
        "severity": entry["severity"],
    }


def product_values(book: Phrasebook, facts: Facts) -> Filled:
    """Placeholders that follow from the product."""
    entry = product_entry(book, facts)
    part = part_name(book, facts)
    forms = book.names["part_forms"]
    return {
        "part": part,
        "a_part": part if entry.get("mass") else [form.replace("#", part) for form in forms["a"]],
        "the_part": [form.replace("#", part) for form in forms["the"]],
        "look": entry["look"],
        "material": entry["material"],
        "purpose": entry["purpose"],
    }


def region_values(book: Phrasebook, facts: Facts, index: int) -> Filled:
    """Placeholders of one region; `index` from 1, at most the number of regions."""
    regions = facts.evidence.regions
    region = regions[index - 1]
    place = book.names["places"][region.place]
    labels = book.names["the_one"]
    if len(regions) == 1:
        the_one = labels["only"]
    else:
        the_one = [
            label.replace("#", ordinal(book, index)).replace("%", str(index))
            for label in (labels["strongest"] if index == 1 else labels["nth"])
        ]
    return defect_values(book, defect_of(facts, index)) | {
        "the_one": the_one,
        "at": place["at"],
        "place": str(place["name"]),
        "share": share_text(region),
        "box": box_text(region),
        "sizeword": str(book.names["sizes"][size_of(region)]),
        "shape": shape_text(book, region),
        "color": color_text(book, region),
        "peak": unit_text(region.peak),
    }


def photo_values(book: Phrasebook, facts: Facts) -> Filled:
    """Placeholders of the photo as a whole: score, counts, places, references."""
    evidence = facts.evidence
    names = book.names
    count = len(evidence.regions)
    refs = names["refs"]["one" if evidence.references == 1 else "many"]
    word = str(names["numbers"][count])
    values: Filled = {
        "score": unit_text(evidence.score),
        "level": str(names["levels"][level_of(evidence.score)]),
        "n": str(count),
        "count": word,
        "regions": [form.replace("#", word) for form in names["regions"]["one" if count == 1 else "many"]],
        "refs": str(refs).replace("#", str(evidence.references)),
        "width": str(evidence.width),
        "height": str(evidence.height),
        "places": places_text(book, evidence.regions),
    }
    if count > 1:
        values["others"] = places_text(book, evidence.regions[1:])
    for name, region in (("largest", largest_of(evidence)), ("smallest", smallest_of(evidence))):
        if region is not None:
            values[name] = ordinal(book, region.index)
            values[f"{name}_share"] = share_text(region)
            values[f"at_{name}"] = names["places"][region.place]["at"]
    return values
