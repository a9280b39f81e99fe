"""A leaderboard of one's own: begun by a command, described in TOML whose mistakes are named with their line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from interplay_bench.cli.main import main
from interplay_bench.environment.errors import DataError
from interplay_bench.environment.toml_lines import line_of
from interplay_bench.leaderboard.board_settings import read_settings
from interplay_bench.leaderboard.paper import read


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["leaderboard", "init", "--output", "board", "--title", 'Our "own" <board>']) == 0
    return tmp_path


def test_a_new_board_renders_and_keeps_what_is_there(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--results", "board/results", "--output", "board"]
    assert main(["leaderboard", *where]) == 0
    assert main(["leaderboard", *where, "--check"]) == 0
    page = (repository / "board" / "index.html").read_text()
    assert "Our &#34;own&#34; &lt;board&gt;</h1>" in page
    assert "What is compared here" in (repository / "board" / "README.md").read_text()
    workflow = (repository / ".github" / "workflows" / "leaderboard.yml").read_text()
    assert "interplay-bench leaderboard --results board/results --output board --check" in workflow
    assert re.search(r"pip install interplay-bench==\d", workflow)
    capsys.readouterr()
    assert main(["leaderboard", "init", "--output", "board"]) == 2
    assert "There is a board already" in capsys.readouterr().err


def test_the_documented_rows_are_right(repository: Path) -> None:
    path = repository / "board" / "paper.toml"
    text = path.read_text()
    begin = text.index("# citation")
    path.write_text(text[:begin] + re.sub(r"^# ?", "", text[begin:], flags=re.M))
    paper = read(path)
    assert paper.citation == "Authors, Title, Venue Year"
    assert [row.name for row in paper.tables[0].rows] == ["Our simulator"]
    assert paper.tables[0].spans[0].columns[0].requires == ("history:gold",)


TABLE = """citation = "x"
[[tables]]
number = 1
title = "T"
dataset = "redial"
split = "test"
n = 10
[[tables.spans]]
title = "S"
task = "user_multiturn"
columns = [
  { metric = "SR" },
  { metric = "FR", direction = "lower" },
]
[[tables.rows]]
name = "A"
values = { SR = "0.5" }
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("n = 10", "n = 0", 7, "greater than or equal to 1"),
        ('"lower"', '"lowest"', 13, "'higher' or 'lower'"),
        ('SR = "0.5"', 'SR = "half"', 17, "could not convert"),
        ('name = "A"', 'nmae = "A"', 15, "Field required"),
        ('SR = "0.5"', 'ET = "0.5"', 2, "'ET', which is no column"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    path = tmp_path / "paper.toml"
    path.write_text(TABLE.replace(old, new))
    with pytest.raises(DataError, match=re.escape(words)) as raised:
        read(path)
    assert f"paper.toml, line {line}: " in str(raised.value)
    assert "\n" not in str(raised.value)


def test_settings_are_checked_too(tmp_path: Path) -> None:
    (tmp_path / "board.toml").write_text('title = "x"\n\ncontrol = true\n')
    with pytest.raises(DataError, match=r"board.toml, line 3: control=True: Extra inputs"):
        read_settings(tmp_path)
    assert line_of("", ("a",)) is None
