"""``leaderboard init``: a leaderboard in anyone's repository, with the workflow that keeps it up to date."""

from __future__ import annotations

import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.errors import UsageError
from interplay_bench.leaderboard.board_settings import FILE

WORKFLOW = Path(".github/workflows/leaderboard.yml")


def new_board(root: Path, folder: Path, title: str) -> list[Path]:
    """Write ``board.toml``, ``paper.toml`` and the results' folder below ``folder``, and the workflow below ``root``.

    Returns the files. None that is there already is written over: that is a :class:`UsageError`.
    """
    # A folder within the repository: the workflow runs in it.
    place = folder.as_posix()
    texts = {
        folder / FILE: _template("board.toml").replace("TITLE", json.dumps(title, ensure_ascii=False)),
        folder / "paper.toml": _template("paper.toml"),
        folder / "results" / ".gitkeep": "",
        WORKFLOW: _template("workflow.yml").replace("FOLDER", place).replace("VERSION", version("interplay-bench")),
    }
    if folder.is_absolute() or ".." in folder.parts:
        raise UsageError(f"The board's folder lies within the repository, which {folder} does not.")
    there = [str(path) for path in texts if (root / path).exists()]
    if there:
        raise UsageError(f"There is a board already: {', '.join(there)}. Remove it, or choose another --output.")
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        write_file(root / path, text)
    return list(texts)


def _template(name: str) -> str:
    return (files("interplay_bench.leaderboard") / "templates" / name).read_text(encoding="utf-8")
