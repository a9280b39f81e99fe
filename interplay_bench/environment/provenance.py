"""Where a result comes from: package versions, and the revision of the code."""

from __future__ import annotations

import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, distribution, version
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
    """The commit of the code and whether it was changed since; of an installed release, its version.

    ``None`` where neither is known: the package was installed from a folder.
    """
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return _release()
    return _state(root)


def project() -> dict[str, Any] | None:
    """The revision of the repository that the work is done in, where that is not this package's own."""
    top = _git(Path.cwd(), "rev-parse", "--show-toplevel")
    if top is None or Path(top) == Path(__file__).resolve().parents[2]:
        return None
    return _state(Path(top))


def _state(root: Path) -> dict[str, Any] | None:
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return None if commit is None or changes is None else {"commit": commit, "dirty": bool(changes)}


def _release() -> dict[str, Any] | None:
    """What pip wrote down of where the package came from (PEP 610): nothing, where that was an index."""
    try:
        package = distribution("interplay-bench")
    except PackageNotFoundError:
        return None
    try:
        origin = json.loads(package.read_text("direct_url.json") or "{}")
    except ValueError:
        return None
    if "vcs_info" in origin:
        return {"commit": str(origin["vcs_info"].get("commit_id", "")), "dirty": False}
    return None if "dir_info" in origin else {"commit": f"v{package.version}", "dirty": False}


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
