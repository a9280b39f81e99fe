"""The notebook's cells run, top to bottom, and show what they promise."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


def script() -> str:
    """The code cells as one program, which prints what each cell ends with, as Jupyter shows it."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            last = ast.parse(source).body[-1]
            if isinstance(last, ast.Expr) and not ast.unparse(last).startswith("print("):
                lines = source.splitlines()
                ended = "\n".join(lines[last.lineno - 1 :])
                source = "\n".join([*lines[: last.lineno - 1], f"print(repr({ended}))"])
            parts.append(source)
    return "\n\n\n".join(parts)


def test_the_notebook_runs(tmp_path: Path) -> None:
    # In a process of its own: what it registers would stay with the other tests.
    (tmp_path / "notebook.py").write_text(script(), encoding="utf-8")
    done = subprocess.run([sys.executable, "notebook.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.splitlines()
    assert shown[0].startswith("<DialogueSet sample/test: ")
    runs = [
        line for line in shown if line.startswith("<Run user_multiturn · LikesTheOld on sample/test, 40 dialogues:")
    ]
    assert len(runs) == 2
    assert runs[0] == runs[1]
    assert any(line.startswith("<SR ") and line.endswith("(Holm)>") for line in shown)
    assert (tmp_path / "scores.png").stat().st_size > 5_000
