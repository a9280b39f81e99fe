"""The files that a leaderboard is rendered to: written, or compared with what is there."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from interplay_bench.environment.atomic_file import write_file
from interplay_bench.leaderboard import board_page as page
from interplay_bench.leaderboard import json_export as machine
from interplay_bench.leaderboard import latex, markdown, picture
from interplay_bench.leaderboard.board import Board


def render(board: Board) -> dict[str, str]:
    """The files' names and texts: equal inputs, equal texts."""
    return {
        "README.md": markdown.render(board),
        "tables.tex": latex.render(board),
        "index.html": page.render(board),
        "picture.svg": picture.render(board),
        "leaderboard.json": machine.render(board),
    }


def write(files: Mapping[str, str], output: Path) -> None:
    """Write the files, each in one step."""
    output.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write_file(output / name, text)


def differences(files: Mapping[str, str], output: Path) -> Iterator[str]:
    """A unified diff of each file that is not as it would be rendered, line by line."""
    for name, text in files.items():
        path = output / name
        try:
            old = path.read_bytes().decode(errors="replace") if path.exists() else ""
        except OSError as error:
            old = f"{error}\n"
        if old != text:
            lines = (old.splitlines(), text.splitlines())
            yield from difflib.unified_diff(*lines, f"{path} (committed)", f"{path} (rendered)", n=1, lineterm="")
            if lines[0] == lines[1]:
                yield f"{path}: only line ends differ"
