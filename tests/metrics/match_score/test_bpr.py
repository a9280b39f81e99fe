"""BPR with items from texts: the compiled loop's gradient is that of the loss, and it learns."""

from __future__ import annotations

import numpy as np
import torch

from interplay_bench.metrics.match_score.bpr import BPR, Factors, Rates, _sweep
from interplay_bench.metrics.match_score.scorer_evaluation import judge, split


def problem(seed: int = 0) -> tuple[Factors, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    text = rng.normal(size=(12, 5)).astype(np.float32)
    factors = Factors.start(text, 4, 3, seed)
    factors.users[:] = rng.normal(size=factors.users.shape)
    factors.bias[:] = rng.normal(size=12)
    users, liked, against = (rng.integers(0, most, 30).astype(np.int32) for most in (4, 12, 12))
    return factors, users, liked, against


def test_the_gradient_of_a_batch_is_that_of_autograd() -> None:
    factors, users, liked, against = problem()
    u, z, b = (torch.tensor(x, requires_grad=True) for x in (factors.users, factors.items, factors.bias))
    margin = (u[users] * (z[liked] - z[against])).sum(1) + b[liked] - b[against]
    loss = -torch.nn.functional.logsigmoid(margin).sum()
    dz_wanted, db_wanted = torch.autograd.grad(loss, (z, b))
    dz, db = np.zeros_like(factors.items), np.zeros_like(factors.bias)
    before = factors.users.copy()
    # With users at rest, the loop's sums are the gradient of the whole batch.
    total = _sweep()(users, liked, against, factors.users, factors.items, factors.bias, dz, db, 0.0, 0.0)
    np.testing.assert_allclose(total, loss.item(), rtol=1e-5)
    np.testing.assert_allclose(dz, dz_wanted.numpy(), atol=1e-5)
    np.testing.assert_allclose(db, db_wanted.numpy(), atol=1e-5)
    np.testing.assert_array_equal(factors.users, before)


def test_a_users_step_follows_its_gradient() -> None:
    factors, _, _, _ = problem()
    one = np.zeros(1, np.int32)
    u = torch.tensor(factors.users, requires_grad=True)
    z = torch.tensor(factors.items)
    margin = u[0] @ (z[3] - z[7]) + float(factors.bias[3] - factors.bias[7])
    (gradient,) = torch.autograd.grad(-torch.nn.functional.logsigmoid(margin), u)
    wanted = factors.users[0] - 0.1 * gradient[0].numpy()
    scratch = np.zeros_like(factors.items), np.zeros_like(factors.bias)
    _sweep()(one, one + 3, one + 7, factors.users, factors.items, factors.bias, *scratch, 0.1, 0.0)
    np.testing.assert_allclose(factors.users[0], wanted, atol=1e-5)


def test_tastes_for_texts_are_learnt_and_carry_over_to_items_without_ratings() -> None:
    rng = np.random.default_rng(1)
    text = rng.normal(size=(300, 6)).astype(np.float32)
    tastes = rng.normal(size=(200, 6))
    users = np.repeat(np.arange(200, dtype=np.int32), 30)
    items = np.concatenate([np.argsort(-(text @ taste))[:60][rng.permutation(60)[:30]] for taste in tastes])
    parts = split(users, items.astype(np.int32), 300, seed=0)

    def learn(epochs: int) -> tuple[Factors, float, float]:
        factors = Factors.start(text, 200, 8, seed=0)
        trainer = BPR(factors, Rates(projection=1e-2), batch=512, seed=0)
        for _ in range(epochs):
            trainer.epoch(*parts.train)
        found = judge(parts, factors.users, factors.items, factors.bias, factors.pure, 0)
        assert found.cold_auc is not None
        return factors, found.auc, found.cold_auc

    _, before, _ = learn(0)
    factors, after, cold = learn(30)
    assert before < 0.6 < 0.85 < after
    assert cold > 0.85
    again, _, _ = learn(30)
    np.testing.assert_array_equal(factors.projection, again.projection)


def test_only_liked_items_learn_something_of_their_own() -> None:
    factors, users, _, _ = problem()
    factors.bias[:] = 0
    trainer = BPR(factors, Rates(), batch=8, own_bias=True, own_residual=True)
    for _ in range(5):
        trainer.epoch(users, users)  # items 0 to 3 are liked; all are drawn to be compared with
    assert (factors.residual[:4] != 0).all()
    assert (factors.bias[:4] != 0).all()
    assert (factors.residual[4:] == 0).all()
    assert (factors.bias[4:] == 0).all()
    np.testing.assert_array_equal(factors.items[4:], factors.pure[4:])
