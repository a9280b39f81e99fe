"""What an evaluator is: anything that gives each rated item a number, higher for better, or says nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from interplay_bench.study.criteria import Criterion
from interplay_bench.study.rated.rated_set import RatedItem

Evaluator = Callable[[Criterion, Sequence[RatedItem]], list[float | None]]
"""Takes a criterion and what people scored by it (it must not read their scores but of other systems' items), and
returns a number per item; ``None`` where it has none."""
