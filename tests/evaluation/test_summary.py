import pytest

from anomalygpt.evaluation.summary import summarize


def unit(category, number, value, shots=1):
    return {"category": category, "round": number, "shots": shots, "figures": {"ours": {"x": value}}}


def test_mean_over_rounds_then_categories_and_spread_over_rounds():
    values = {("a", 0): 0.2, ("a", 1): 0.4, ("b", 0): 0.6, ("b", 1): 1.0}
    summary = summarize([unit(category, number, value) for (category, number), value in values.items()])
    entry = summary["1"]["ours"]["x"]
    assert entry["mean"] == pytest.approx((0.3 + 0.8) / 2)
    assert entry["spread"] == pytest.approx(((0.4 - 0.55) ** 2 + (0.7 - 0.55) ** 2) ** 0.5)
    assert (entry["categories"], entry["undefined"]) == (2, 0)


def test_what_is_undefined_is_left_out_and_counted():
    entry = summarize([unit("a", 0, 0.5), unit("b", 0, None)])["1"]["ours"]["x"]
    assert entry == {"mean": 0.5, "spread": None, "categories": 1, "undefined": 1}
    assert summarize([unit("a", 0, None)])["1"]["ours"]["x"]["mean"] is None


def test_numbers_of_shots_stand_apart_and_in_order():
    assert list(summarize([unit("a", 0, 0.5, 4), unit("a", 0, 0.1, 1)])) == ["1", "4"]
    assert summarize([]) == {}
