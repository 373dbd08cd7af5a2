"""The kinds of questions: how often each is asked, and which case of answer the facts call for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anomalygpt.dialogue.measures import level_of
from anomalygpt.dialogue.words import defect_of, described_name
from anomalygpt.records import ANOMALOUS, Facts, Region

Moment = Literal["any", "first", "later"]


@dataclass(frozen=True)
class Kind:
    """One kind of question.

    Attributes:
        first, later: how often it opens a dialogue or follows in one, relative to the others.
        focus: True where it may be asked of one region in particular.
        defects: True where it makes most sense of an anomalous photo, and is asked less of a good one.
    """

    first: float
    later: float
    focus: bool = False
    defects: bool = False


KINDS: dict[str, Kind] = {
    "presence": Kind(45.0, 4.0),
    "okay": Kind(7.0, 4.0),
    "yes_no": Kind(1.5, 1.5),
    "either": Kind(2.0, 2.5),
    "two_words": Kind(0.8, 2.5),
    "where": Kind(3.0, 9.0, focus=True, defects=True),
    "count": Kind(2.0, 6.0, defects=True),
    "list": Kind(0.8, 4.0, defects=True),
    "region": Kind(0.0, 5.0, focus=True, defects=True),
    "compare": Kind(0.2, 2.5, defects=True),
    "smallest": Kind(0.1, 1.2, defects=True),
    "strongest": Kind(0.2, 1.8, defects=True),
    "more": Kind(0.3, 4.0, defects=True),
    "size": Kind(1.2, 7.0, focus=True, defects=True),
    "percent": Kind(0.5, 4.0, focus=True, defects=True),
    "pixels": Kind(0.4, 4.0, focus=True, defects=True),
    "bigness": Kind(0.4, 4.0, focus=True, defects=True),
    "shape": Kind(0.4, 5.0, focus=True, defects=True),
    "color": Kind(0.4, 5.0, focus=True, defects=True),
    "kind": Kind(3.0, 8.0, focus=True, defects=True),
    "why": Kind(0.3, 4.0, focus=True),
    "place": Kind(0.6, 6.0),
    "place_check": Kind(0.4, 4.0),
    "kind_check": Kind(1.5, 5.0),
    "product": Kind(3.0, 5.0),
    "material": Kind(0.3, 1.5),
    "purpose": Kind(0.3, 1.5),
    "look": Kind(1.0, 4.5),
    "difference": Kind(1.0, 4.0),
    "references": Kind(0.4, 2.0),
    "severity": Kind(0.8, 5.0, focus=True, defects=True),
    "cause": Kind(0.3, 3.0, focus=True, defects=True),
    "effect": Kind(0.3, 3.0, focus=True, defects=True),
    "ship": Kind(1.2, 4.5),
    "next": Kind(0.5, 4.0),
    "certainty": Kind(0.5, 5.0),
    "score": Kind(0.5, 3.0),
    "describe": Kind(3.0, 4.0),
    "summary": Kind(1.0, 4.0),
    "longer": Kind(0.0, 3.0),
    "shorter": Kind(0.0, 3.0),
    "repeat": Kind(0.0, 2.0),
    "photo_size": Kind(0.2, 1.0),
    "heatmap": Kind(0.2, 1.5),
    "contradict": Kind(0.8, 6.0),
    "insist": Kind(0.0, 0.0),
    "agree": Kind(0.3, 2.0),
    "really": Kind(0.0, 4.0),
    "ack": Kind(0.0, 2.0),
    "thanks": Kind(0.0, 2.0),
    "greeting": Kind(1.5, 0.3),
    "bye": Kind(0.0, 0.0),
    "who": Kind(0.6, 1.2),
    "can_do": Kind(0.6, 1.2),
    "how": Kind(0.4, 1.2),
    "off_topic": Kind(1.6, 3.0),
    "unclear": Kind(0.4, 0.8),
    "choice": Kind(14.0, 16.0),
}
"""Every kind by name; each has a phrase file of that name in every language."""

_BY_DEFECT = ("kind", "why", "severity", "cause", "effect")
_OVERVIEWS = ("list", "compare", "smallest", "strongest", "more", "describe", "summary", "longer", "difference")
_PLACELESS = ("yes_no", "two_words", "score")
_PLAIN = (*_PLACELESS, "heatmap", "contradict", "insist", "agree", "ack", "shorter", "repeat")
_GRADED = ("presence", "okay", "either", "certainty", "ship", "next", "really")
_SAME_FOR_ALL = ("thanks", "greeting", "bye", "who", "can_do", "how", "off_topic", "unclear", "photo_size")


@dataclass(frozen=True)
class Asked:
    """One question as it was meant.

    Attributes:
        kind: name of its kind.
        text: what the user typed.
        focus: index of the region it is about in particular, from 1; may be one that is not there. None in general.
        place: the place asked of, or None.
        place_word: that place as the user worded it.
        defect: the kind of defect asked of, or None.
        one: the region asked of as the user worded it ("second one", "one at the top"), or "".
        answer: the answer where only the question itself can tell it (multiple choice), or "".
    """

    kind: str
    text: str
    focus: int | None = None
    place: str | None = None
    place_word: str = ""
    defect: str | None = None
    one: str = ""
    answer: str = ""


def regions_at(facts: Facts, place: str | None) -> list[Region]:
    """The regions whose place is exactly that one, strongest first."""
    return [region for region in facts.evidence.regions if region.place == place]


def near_place(facts: Facts, place: str | None) -> list[Region]:
    """Regions in a corner of the asked side ("left": "top left", "bottom left"), strongest first."""
    if place is None or " " in place:
        return []
    return [region for region in facts.evidence.regions if place in region.place.split()]


def case_of(asked: Asked, facts: Facts) -> tuple[str, int]:
    """The case of the answer, and the index of the region it speaks of (0 where it speaks of none)."""
    evidence, kind = facts.evidence, asked.kind
    count = len(evidence.regions)
    if kind in _SAME_FOR_ALL:
        return "any", 0
    if kind == "references":
        return ("some" if evidence.references else "none"), 0
    if kind in ("material", "purpose", "look"):
        return ("unknown" if facts.product is None else "known"), 0
    if kind == "product":
        return _product_case(facts), 0
    verdict = "bad" if evidence.anomalous else "good"
    index = min(count, 1)
    if kind in _PLACELESS:
        return verdict, index
    if kind == "certainty":
        return f"{verdict}_{_grade(kind, evidence.score)}", index
    if evidence.anomalous and not count:
        return "vague", 0
    if kind in _GRADED:
        return f"{verdict}_{_grade(kind, evidence.score)}", index
    if kind in _PLAIN:
        return verdict, index
    if kind == "difference" and not evidence.references:
        return f"no_reference_{verdict}", index
    if kind == "count":
        return ("zero", "one", "many")[min(count, 2)], index
    return _region_case(asked, facts) if count else ("good", 0)


def _grade(kind: str, score: float) -> str:
    level = level_of(score)
    if level == "not certain":
        return "unsure"
    if kind in ("certainty", "really"):
        return "sure" if level == "certain" else "fair"
    return "sure"


def _product_case(facts: Facts) -> str:
    if facts.product is not None:
        return "known"
    if described_name(facts.description, "en") or described_name(facts.description, "zh"):
        return "described"
    return "texture" if facts.texture else "object"


def _region_case(asked: Asked, facts: Facts) -> tuple[str, int]:
    """The same where there is at least one region."""
    kind, count = asked.kind, len(facts.evidence.regions)
    if kind in ("place", "place_check"):
        return _place_case(asked, facts)
    if kind == "kind_check":
        return _kind_check_case(asked, facts)
    if kind in _OVERVIEWS:
        return ("one" if count == 1 else "many"), 1
    if asked.focus is not None and asked.focus > count:
        return "absent", 1
    index = asked.focus or 1
    if kind in _BY_DEFECT and defect_of(facts, index) is None:
        return "unknown", index
    if count == 1:
        return "one", 1
    return ("many" if asked.focus is None else "nth"), index


def _place_case(asked: Asked, facts: Facts) -> tuple[str, int]:
    if exact := regions_at(facts, asked.place):
        return "there", exact[0].index
    if near := near_place(facts, asked.place):
        return "near", near[0].index
    return "elsewhere", 1


def _kind_check_case(asked: Asked, facts: Facts) -> tuple[str, int]:
    for region in facts.evidence.regions:
        if defect_of(facts, region.index) == asked.defect:
            return "true", region.index
    return ("unknown" if defect_of(facts, 1) is None else "false"), 1


def opposite_claim(facts: Facts) -> str:
    """What a user says who contradicts: "good" of an anomalous photo, "bad" of a normal one."""
    return "good" if facts.evidence.score >= ANOMALOUS else "bad"
