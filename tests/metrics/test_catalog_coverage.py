from __future__ import annotations

from math import sqrt

import pytest

from interplay_bench.metrics.catalog_coverage import breadth


def test_different_items_over_the_catalogue_with_the_jackknife_written_out() -> None:
    items, users = ["a", "b", "a", "c", "d"], ["u", "u", "v", "v", "w"]
    score = breadth(items, 10, users, name="c")
    assert (score.value, score.count, score.total, score.n) == (0.4, 4, 10, 5)
    without = [len({i for i, u in zip(items, users, strict=True) if u != left}) / 10 for left in "uvw"]
    mean = sum(without) / 3
    half = 1.959963984540054 * sqrt(2 / 3 * sum((value - mean) ** 2 for value in without))
    assert score.low == pytest.approx(max(0.0, 0.4 - half))
    assert score.high == pytest.approx(0.4 + half)


def test_turns_that_name_nothing_count_as_asked() -> None:
    sparse = breadth(["a", None, None, "b"], 10, ["u", "u", "v", "w"], name="c")
    busy = breadth(["a", "c", "d", "b"], 10, ["u", "u", "v", "w"], name="c")
    assert (sparse.value, sparse.count, sparse.n) == (0.2, 2, 4)
    assert sparse.signature == busy.signature == "catalogue-coverage|n:4|interval:jackknife-cluster-95|version:2"
    without = [0.1, 0.2, 0.1]  # a user without an item counts among those left out
    half = 1.959963984540054 * sqrt(2 / 3 * sum((value - sum(without) / 3) ** 2 for value in without))
    assert (sparse.low, sparse.high) == pytest.approx((0.2 - half, 0.2 + half))
    assert breadth([None, None], 10, ["u", "v"], name="c").value == 0


def test_edges() -> None:
    assert breadth([], 0, [], name="c").value is None
    assert breadth(["a"], 3, ["u"], name="c").low is None
    with pytest.raises(ValueError, match="catalogue of 1"):
        breadth(["a", "b"], 1, ["u", "v"], name="c")
