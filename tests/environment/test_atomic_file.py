from __future__ import annotations

import os
from pathlib import Path

import pytest

from interplay_bench.environment.atomic_file import is_draft, replacing, write_file


def test_what_fails_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_file(path, "old")

    def fill(draft: Path) -> None:
        draft.write_text("ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), replacing(path) as draft:
        fill(draft)
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["page.html"]


def test_text_and_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    write_file(tmp_path / "a", "é\r\n\u2028\n")
    write_file(tmp_path / "b", b"\xff\x00")
    assert (tmp_path / "a").read_bytes() == "é\r\n\u2028\n".encode()
    assert (tmp_path / "b").read_bytes() == b"\xff\x00"
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~umask


def test_the_longest_name_still_has_a_draft(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250 + ".json")
    with replacing(path) as draft:
        assert is_draft(draft)
        assert draft.parent == tmp_path
        draft.write_text("{}")
    assert path.read_text() == "{}"


def test_links_are_replaced_and_never_written_through(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    for name in ("run.json", "run.json.draft"):
        (tmp_path / name).symlink_to(precious)
    write_file(tmp_path / "run.json", "{}")
    assert precious.read_text() == "keep me"
    assert not (tmp_path / "run.json").is_symlink()
    assert (tmp_path / "run.json").read_text() == "{}"
