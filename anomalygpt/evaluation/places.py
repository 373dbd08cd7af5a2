"""Places in words: which cells of the 3×3 grid an answer names, and in which the truth lies."""

from __future__ import annotations

import re

import cv2
import numpy as np
from numpy.typing import NDArray

from anomalygpt.dialogue.verdict import detect_language
from anomalygpt.imaging.regions import place_of
from anomalygpt.records import PLACES

LARGE_SHARE = 0.25
"""A cell with at least this share of all anomalous pixels is a right place to name, too."""

_SPECK = 0.02
"""A region with less than this share of all anomalous pixels is no place of its own."""

_HYPHEN = r"[\s-]+(?:and[\s-]+)?(?:the[\s-]+)?"
_TOP, _BOTTOM = r"(?:top|upper)", r"(?:bottom|lower)"
_LEFT, _RIGHT, _MIDDLE = r"left(?:[\s-]hand)?", r"right(?:[\s-]hand)?", r"(?:middle|cent(?:er|re)|central)"

_ENGLISH: tuple[tuple[str, str], ...] = (
    ("top left", rf"{_TOP}{_HYPHEN}{_LEFT}|{_LEFT}{_HYPHEN}{_TOP}"),
    ("top right", rf"{_TOP}{_HYPHEN}{_RIGHT}|{_RIGHT}{_HYPHEN}{_TOP}"),
    ("bottom left", rf"{_BOTTOM}{_HYPHEN}{_LEFT}|{_LEFT}{_HYPHEN}{_BOTTOM}"),
    ("bottom right", rf"{_BOTTOM}{_HYPHEN}{_RIGHT}|{_RIGHT}{_HYPHEN}{_BOTTOM}"),
    ("top", rf"{_TOP}{_HYPHEN}{_MIDDLE}|{_MIDDLE}{_HYPHEN}{_TOP}"),
    ("bottom", rf"{_BOTTOM}{_HYPHEN}{_MIDDLE}|{_MIDDLE}{_HYPHEN}{_BOTTOM}"),
    ("left", rf"{_MIDDLE}{_HYPHEN}{_LEFT}|{_LEFT}{_HYPHEN}{_MIDDLE}"),
    ("right", rf"{_MIDDLE}{_HYPHEN}{_RIGHT}|{_RIGHT}{_HYPHEN}{_MIDDLE}"),
    ("top", _TOP),
    ("bottom", _BOTTOM),
    ("left", _LEFT),
    ("right", _RIGHT),
    ("center", _MIDDLE),
)
_CHINESE: tuple[tuple[str, str], ...] = (
    ("top left", "左上|上左"),
    ("top right", "右上|上右"),
    ("bottom left", "左下|下左"),
    ("bottom right", "右下|下右"),
    ("top", "上方|上面|上部|上边|上侧|上端|顶部|顶端|上缘"),
    ("bottom", "下方|下面|下部|下边|下侧|下端|底部|底端|下缘"),
    ("left", "左侧|左边|左面|左方|左部|左端|左缘"),
    ("right", "右侧|右边|右面|右方|右部|右端|右缘"),
    ("center", "中央|中间|中心|正中|中部"),
)


def _compiled(table: tuple[tuple[str, str], ...], bound: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<p{index}>{bound}(?:{words}){bound})" for index, (_, words) in enumerate(table)))


_PATTERNS = {"en": (_compiled(_ENGLISH, r"\b"), _ENGLISH), "zh": (_compiled(_CHINESE, ""), _CHINESE)}

_NO_PLACE_EN = re.compile(
    r"\b(?:rising|falling|running|sloping|slanting|leaning) (?:in)?to the (?:left|right)\b"
    r"|\b(?:all|that|is|are|looks?|seems?) right\b|\bright (?:now|away|here|there)\b"
)
_NO_PLACE_ZH = re.compile(r"向[左右][上下]方?倾斜")


def places_said(answer: str) -> tuple[str, ...]:
    """The places (of `PLACES`) that an English or Chinese answer names, each once, in the order of the words.

    Words of shape ("rising to the right") are no places.
    """
    language = detect_language(answer)
    pattern, table = _PATTERNS[language]
    text = (_NO_PLACE_EN if language == "en" else _NO_PLACE_ZH).sub(" ", answer.lower())
    found = [table[int(str(match.lastgroup)[1:])][0] for match in pattern.finditer(text)]
    return tuple(dict.fromkeys(found))


def true_places(mask: NDArray[np.bool_]) -> tuple[str, ...]:
    """The places of the centroids of a mask's connected regions, the largest first, specks left out."""
    count, _, stats, centroids = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:count, cv2.CC_STAT_AREA]
    height, width = mask.shape
    order = [index for index in np.argsort(-areas, kind="stable") if areas[index] >= _SPECK * areas.sum()]
    named = [place_of(x + 0.5, y + 0.5, width, height) for x, y in centroids[1:][order]]
    return tuple(dict.fromkeys(named))


def right_places(mask: NDArray[np.bool_]) -> frozenset[str]:
    """The places that are right to name: `true_places`, and cells that hold a large share of the anomaly."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return frozenset()
    height, width = mask.shape
    down = np.minimum(3 * (rows + 0.5) // height, 2).astype(int)
    across = np.minimum(3 * (columns + 0.5) // width, 2).astype(int)
    shares = np.bincount(3 * down + across, minlength=9) / len(rows)
    return frozenset(true_places(mask)) | {PLACES[index] for index in np.flatnonzero(shares >= LARGE_SHARE)}
