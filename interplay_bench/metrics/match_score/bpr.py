"""Bayesian personalised ranking (Rendle et al. 2009) with items that come from their texts.

A user ``u`` is a vector, an item ``i`` is ``z_i = x_i W`` with its text's vector ``x_i``; the loss of a liked item
``i`` against a random one ``j`` is ``-log sigmoid(u . (z_i - z_j))``. Fast because nothing is ever gathered twice: all
``z`` stand ready, one compiled loop over a batch updates the users in place and sums the gradient with respect to
``z``, and two matrix products turn that sum into a step of ``W`` and new ``z``.

Beside the pure form, items may have a bias and a small residual of their own, which only items that somebody liked
learn: of others nothing is known but their texts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from interplay_bench.environment.extras import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOMENT, SQUARE, TINY = 0.9, 0.999, 1e-8
"""Adam's constants."""


@dataclass
class Factors:
    """What is learnt: ``users`` (n, dim), ``projection`` (width, dim), ``residual`` (items, dim), ``bias`` (items,).

    ``items``: the items' vectors as they stand, text part and residual together.
    """

    text: NDArray[np.float32]
    users: NDArray[np.float32]
    projection: NDArray[np.float32]
    residual: NDArray[np.float32]
    bias: NDArray[np.float32]
    items: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        self.refresh()

    @classmethod
    def start(cls, text: NDArray[np.float32], user_count: int, dim: int, seed: int) -> Factors:
        """Small random users and projection; no residual, no bias."""
        import numpy as np

        rng = np.random.default_rng(seed)
        users = rng.normal(0, 0.1 / math.sqrt(dim), (user_count, dim)).astype(np.float32)
        projection = rng.normal(0, 1 / math.sqrt(text.shape[1]), (text.shape[1], dim)).astype(np.float32)
        return cls(text, users, projection, np.zeros((len(text), dim), np.float32), np.zeros(len(text), np.float32))

    @property
    def pure(self) -> NDArray[np.float32]:
        """The items' vectors from their texts alone."""
        found: NDArray[np.float32] = self.text @ self.projection
        return found

    def refresh(self) -> None:
        """Compute the items' vectors anew."""
        self.items = self.pure + self.residual


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast users, the projection, and the items' own parts learn; how strongly users are held back."""

    users: float = 0.05
    projection: float = 1e-3
    own: float = 0.01
    decay: float = 0.01


class BPR:
    """Trains :class:`Factors`. ``own_bias``, ``own_residual``: which parts of its own an item has."""

    def __init__(
        self,
        factors: Factors,
        rates: Rates,
        batch: int,
        own_bias: bool = False,
        own_residual: bool = False,
        seed: int = 0,
    ) -> None:
        import numpy as np

        self.factors, self.rates, self.batch = factors, rates, batch
        self.own_bias, self.own_residual = own_bias, own_residual
        self.rng = np.random.default_rng(seed)
        self.projection = _Adam(factors.projection, rates.projection)
        self.residual = _Adam(factors.residual, rates.own) if own_residual else None
        self.bias = _Adam(factors.bias, rates.own) if own_bias else None
        self._liked = np.zeros(len(factors.items), dtype=bool)

    def epoch(self, users: NDArray[np.int32], items: NDArray[np.int32]) -> float:
        """One pass over all positives in a random order, a random item against each; the mean loss."""
        order = self.rng.permutation(len(users))
        total = 0.0
        for start in range(0, len(order), self.batch):
            chosen = order[start : start + self.batch]
            against = self.rng.integers(0, len(self.factors.items), len(chosen), dtype="int32")
            total += self.step(users[chosen], items[chosen], against)
        return total / max(1, len(order))

    def step(self, users: NDArray[np.int32], liked: NDArray[np.int32], against: NDArray[np.int32]) -> float:
        """One batch; returns the sum of its losses."""
        import numpy as np

        f, rates = self.factors, self.rates
        gradient = np.zeros_like(f.items)
        bias = np.zeros_like(f.bias)
        loss = _sweep()(users, liked, against, f.users, f.items, f.bias, gradient, bias, rates.users, rates.decay)
        scale = np.float32(1 / len(users))
        self.projection.step(f.text.T @ gradient * scale)
        self._liked[liked] = True
        if self.residual is not None:
            gradient[~self._liked] = 0
            self.residual.step(gradient * scale + np.float32(rates.decay * 1e-3) * f.residual)
        if self.bias is not None:
            self.bias.step(np.where(self._liked, bias * scale, 0))
        f.refresh()
        return float(loss)


class _Adam:
    """Adam (Kingma and Ba 2015), in place."""

    def __init__(self, weights: NDArray[np.float32], rate: float) -> None:
        import numpy as np

        self.weights, self.rate, self.count = weights, rate, 0
        self.mean, self.square = np.zeros_like(weights), np.zeros_like(weights)

    def step(self, gradient: NDArray[np.float32]) -> None:
        import numpy as np

        self.count += 1
        self.mean += np.float32(1 - MOMENT) * (gradient - self.mean)
        self.square += np.float32(1 - SQUARE) * (gradient * gradient - self.square)
        rate = self.rate * math.sqrt(1 - SQUARE**self.count) / (1 - MOMENT**self.count)
        self.weights -= np.float32(rate) * self.mean / (np.sqrt(self.square) + np.float32(TINY))


@cache
def _sweep() -> Any:
    """The compiled loop over a batch.

    It moves each user's vector at once, and adds up the loss's gradient with respect to items' vectors and biases.
    """
    numba = require("numba", "match-score")

    @numba.njit(fastmath=True, nogil=True)
    def sweep(users, liked, against, u, z, b, dz, db, rate, decay):  # type: ignore[no-untyped-def]
        total = 0.0
        width = u.shape[1]
        for place in range(len(users)):
            row, i, j = users[place], liked[place], against[place]
            margin = b[i] - b[j]
            for k in range(width):
                margin += u[row, k] * (z[i, k] - z[j, k])
            pull = 1.0 / (1.0 + math.exp(margin))
            total += math.log1p(math.exp(-abs(margin))) + max(-margin, 0.0)
            db[i] -= pull
            db[j] += pull
            for k in range(width):
                own = u[row, k]
                dz[i, k] -= pull * own
                dz[j, k] += pull * own
                u[row, k] = own + rate * (pull * (z[i, k] - z[j, k]) - decay * own)
        return total

    return sweep
