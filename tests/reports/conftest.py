from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.reports.viewer.viewer_page import render

Data = dict[str, Any]
Open = Callable[[Data], Path]


def dialogue(name: str, run: int = 0, outcome: str = "accepted", turns: int = 6, said: str = "No.") -> Data:
    """A dialogue as the page shows it."""
    spoken: list[Data] = [
        {"role": "user" if n % 2 == 0 else "recommender", "action": "feedback" if n % 2 == 0 else "recommend",
         "text": f"{said} ({n})"} for n in range(turns)
    ]  # fmt: skip
    return {
        "run": run, "id": name, "outcome": outcome, "target": "Heat (1995)", "likes": "Likes rain.",
        "seen": [{"name": "Dune (1984)", "review": "too long"}], "wants": f"Rain and {name}.", "turns": spoken,
    }  # fmt: skip


def run(name: str, *, told: bool = False) -> Data:
    """A run as the page names it."""
    return {"name": name, "told": told, "task": "interplay", "data": "toy/test", "synthetic": True}


@pytest.fixture
def write(tmp_path: Path) -> Open:
    """Write a page of the given data."""

    def page(data: Data) -> Path:
        path = tmp_path / "pages" / "page.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text(render(data), encoding="utf-8")
        return path

    return page
