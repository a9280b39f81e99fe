"""Where a result comes from: package versions, and the revision of the code."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "interplay-bench", "accelerate", "bert-score", "datasets", "numpy", "openai", "peft", "tokenizers", "torch",
    "transformers",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Python's version and that of every package that can change a result."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def revision() -> dict[str, Any] | None:
    """The commit of the code and whether it was changed since; ``None`` outside a git checkout of the project."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return None if commit is None or changes is None else {"commit": commit, "dirty": bool(changes)}


def machine() -> str:
    """The machine in a few words: operating system, processor architecture, number of cores."""
    import os

    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
