"""Figures of all units summed up."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any


def summarize(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """By number of shots and method: each figure's mean over the rounds, then over the categories, and its spread.

    The spread is the standard deviation over the rounds of the mean over the categories; None with one round. A
    category where a figure is undefined is left out of its mean, and counted.
    """
    summary: dict[str, Any] = {}
    for shots in sorted({result["shots"] for result in results}):
        chosen = [result for result in results if result["shots"] == shots]
        methods: dict[str, Any] = {}
        for method in chosen[0]["figures"]:
            names = dict.fromkeys(name for result in chosen for name in result["figures"][method])
            methods[method] = {name: _over(chosen, method, name) for name in names}
        summary[str(shots)] = methods
    return summary


def _over(results: Sequence[dict[str, Any]], method: str, name: str) -> dict[str, Any]:
    by_category: dict[str, list[float]] = {}
    by_round: dict[int, list[float]] = {}
    for result in results:
        value = result["figures"][method].get(name)
        values = by_category.setdefault(result["category"], [])
        if value is not None:
            values.append(value)
            by_round.setdefault(result["round"], []).append(value)
    defined = [mean(values) for values in by_category.values() if values]
    rounds = [mean(values) for values in by_round.values()]
    return {
        "mean": mean(defined) if defined else None,
        "spread": stdev(rounds) if len(rounds) > 1 else None,
        "categories": len(defined),
        "undefined": len(by_category) - len(defined),
    }
