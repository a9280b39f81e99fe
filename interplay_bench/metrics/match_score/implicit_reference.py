"""The collaborative reference: BPR over items' own vectors, as the library ``implicit`` has it; no texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interplay_bench.environment.extras import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def fit(
    users: NDArray[np.int32], items: NDArray[np.int32], shape: tuple[int, int], dim: int, epochs: int, seed: int
) -> Any:
    """The library's model, trained with its own learning rate and regularisation; biases are its last dimension."""
    import os

    import numpy as np
    from scipy.sparse import csr_matrix

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    bpr = require("implicit.cpu.bpr", "match-score")

    positives = csr_matrix((np.ones(len(users), np.float32), (users, items)), shape=shape)
    # One thread: the library's threads write over each other, and no two runs would be the same.
    model = bpr.BayesianPersonalizedRanking(factors=dim, iterations=epochs, random_state=seed, num_threads=1)
    model.fit(positives, show_progress=False)
    return model
