"""The matrix of users and recommenders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from interplay_bench.environment.errors import CardError, RunError, UsageError
from interplay_bench.simulation.crossplay import crossplay
from interplay_bench.simulation.simulation_request import SimulationRequest

REQUEST = SimulationRequest("", "", "library", data="10")


def test_every_pair_is_run_and_told_users_stand_beside_the_others(tmp_path: Path) -> None:
    users, recommenders = ["talkative", "oracle"], ["bookseller", "fixed-list"]
    folder, report = crossplay(users, recommenders, REQUEST, tmp_path / "x")
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == [
        "oracle--bookseller", "oracle--fixed-list", "talkative--bookseller", "talkative--fixed-list",
    ]  # fmt: skip
    assert "| oracle (told) " in report
    assert "What knowing the target does" in report
    assert report.count("against talkative, with") == 2
    assert "so that both have said equally much" in report
    compared = report.partition("What knowing the target does")[2].splitlines()
    distinct = [line.strip("| ").split("|") for line in compared if line.startswith("| user Dist-4")]
    assert len(distinct) == 2
    assert all(float(cells[3]) and int(cells[5]) >= 10 for cells in distinct)
    ends = report.partition("## How they ended")[2]
    assert "accepted" in next(line for line in ends.splitlines() if line.startswith("| talkative"))
    assert (folder / "crossplay.md").read_text().strip() == report.strip()
    assert (folder / "crossplay.png").read_bytes().startswith(b"\x89PNG")
    assert crossplay(users, recommenders, REQUEST, tmp_path / "x", resume=True)[1] == report


def test_too_few_users_have_no_p_but_of_rates(tmp_path: Path) -> None:
    _, report = crossplay(["talkative", "oracle"], ["bookseller"], replace(REQUEST, data="4"), tmp_path / "x")
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in report.splitlines()]
    tested = {row[0]: row[4] for row in rows if len(row) == 6}
    assert tested["user Dist-4"] == "too few users"
    assert float(tested["acceptance"]) <= 1


def test_a_cards_path_makes_no_hidden_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text('adapter = "never-accept"\nsummary = "Mine"\n')
    folder, _ = crossplay(["./mine.toml"], ["fixed-list"], REQUEST, tmp_path / "x")
    assert (folder / "mine.toml--fixed-list" / "run.json").is_file()


def test_options_of_engines_go_to_the_pairs_that_have_one(tmp_path: Path) -> None:
    card = tmp_path / "driven.toml"
    card.write_text('adapter = "thermometer"\nsummary = "Driven"\n[engine]\ndtype = "auto"\n')
    asked = replace(REQUEST, settings={"engine.dtype": "float32"})
    folder, _ = crossplay([str(card), "never-accept"], ["fixed-list"], asked, tmp_path / "x")
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 2
    with pytest.raises(CardError, match="has an engine"):
        crossplay(["never-accept"], ["fixed-list"], asked, tmp_path / "y")


@pytest.mark.parametrize("names", [[], ["talkative", "talkative"]])
def test_names_are_needed_and_come_once(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(UsageError, match="none twice"):
        crossplay(names, ["bookseller"], REQUEST, tmp_path / "x")


def test_what_a_kill_or_an_error_leaves_does_not_keep_a_matrix_from_going_on(tmp_path: Path) -> None:
    names = ["talkative"], ["bookseller"]
    folder, report = crossplay(*names, REQUEST, tmp_path / "x")
    picture = (folder / "crossplay.png").read_bytes()
    (tmp_path / "elsewhere").write_text("precious")
    (folder / "crossplay.png").unlink()
    (folder / "crossplay.png").symlink_to(tmp_path / "elsewhere")
    (folder / ".crossplay.md.0123456789ab.draft").write_text("# Cross")
    (folder / "error.log").write_text("Traceback")
    (folder / "talkative--bookseller" / ".run.json.0123456789ab.draft").touch()
    assert crossplay(*names, REQUEST, folder, resume=True)[1] == report
    assert (folder / "crossplay.png").read_bytes() == picture
    assert (tmp_path / "elsewhere").read_text() == "precious"


def test_another_matrix_is_not_written_over(tmp_path: Path) -> None:
    folder, report = crossplay(["talkative", "oracle"], ["bookseller"], REQUEST, tmp_path / "x")
    with pytest.raises(RunError, match="--resume"):
        crossplay(["talkative"], ["bookseller"], REQUEST, folder)
    with pytest.raises(RunError, match="oracle--bookseller"):
        crossplay(["talkative"], ["bookseller"], REQUEST, folder, resume=True)
    with pytest.raises(RunError, match="no directory of a matrix"):
        crossplay(["talkative"], ["bookseller"], REQUEST, folder / "talkative--bookseller", resume=True)
    assert (folder / "crossplay.md").read_text().strip() == report.strip()
    grown = crossplay(["talkative", "oracle"], ["bookseller", "fixed-list"], REQUEST, folder, resume=True)[1]
    assert "fixed-list" in grown
