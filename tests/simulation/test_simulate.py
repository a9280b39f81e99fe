"""A whole simulation: its directory, its resumption, its data card, and what the caller can get wrong."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.dialogues.dialogue import Role
from interplay_bench.environment.errors import CardError, IncompatibleModelError, InterplayError, RunError, UsageError
from interplay_bench.evaluation.run import Run
from interplay_bench.simulation.corpus import read_corpus
from interplay_bench.simulation.data_card import write_data_card
from interplay_bench.simulation.simulate import simulate
from interplay_bench.simulation.simulation_request import SimulationRequest
from tests.conftest import Cli

TALK = SimulationRequest("talkative", "bookseller", "library", data="30")


def comparable(folder: Path) -> tuple[bytes, bytes, dict[str, object]]:
    record = json.loads((folder / "run.json").read_text())
    record.pop("timing")
    return (folder / "samples.jsonl").read_bytes(), (folder / "dialogues.jsonl").read_bytes(), record


def lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def test_the_directory_is_a_run_and_a_corpus(tmp_path: Path) -> None:
    run = simulate(TALK, tmp_path / "run")
    record = run.record
    assert record.status == "complete"
    assert record.task.name == "interplay"
    assert record.model.name == "talkative"
    assert record.recommender is not None
    assert record.recommender.name == "bookseller"
    assert sum(run.ledger.outcomes.values()) == 30
    assert str(record.command).startswith("interplay-bench simulate --user talkative --recommender bookseller")
    episodes = read_corpus(run.folder)
    assert [episode.dialogue.id for episode in episodes] == [f"d{n}" for n in range(30)]
    assert run["acceptance"].count == sum(episode.end == "accepted" for episode in episodes)
    assert "start" in (record.transitions or {})
    card = write_data_card(run).read_text()
    for word in ("talkative", "bookseller", "seed 0", "library/test", "acceptance", "Leak audit", "Neither side"):
        assert word in card


def test_hostile_names_are_shown_in_the_card_and_do_nothing_there(tmp_path: Path) -> None:
    run = simulate(TALK, tmp_path / "run")
    record = json.loads((run.folder / "run.json").read_text())
    hostile = "a|b <img src=x> [c](https://evil.example) $x$ `d` \x1b[31m\u202e*e*"
    record["model"]["card"]["summary"] = record["dataset"]["name"] = record["model"]["name"] = hostile
    record["command"] = "interplay-bench ``` <b>\n# Title"
    record["metrics"][hostile] = record["metrics"].pop("acceptance")
    (run.folder / "run.json").write_text(json.dumps(record))
    card = write_data_card(Run.load(run.folder)).read_text()
    for raw in ("<img", "[c]", "a|b", "$x$", "\x1b", "\u202e", "*e*", "\n# Title"):
        assert raw not in card, raw
    assert "- command: ```` interplay-bench ``` <b> # Title ````" in card
    (row,) = (line for line in card.splitlines() if line.startswith("| a&#124;"))
    assert row.count("|") == 5


@pytest.mark.parametrize("cut", ["\u2028", "\u2029", "\x85", "\x0b", "\x1c"])
def test_a_corpus_with_rare_line_ends_in_its_texts_is_read_back(tmp_path: Path, cut: str) -> None:
    run = simulate(replace(TALK, limit=2), tmp_path / "run")
    file = run.folder / "dialogues.jsonl"
    before = read_corpus(file)
    persona = replace(before[0].dialogue.persona, general_preferences=f"quiet{cut}films")
    spoiled = replace(before[0], dialogue=replace(before[0].dialogue, persona=persona))
    lines = [json.dumps(episode.to_json(), ensure_ascii=False) for episode in (spoiled, before[1])]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert [episode.dialogue.id for episode in read_corpus(file)] == [episode.dialogue.id for episode in before]


@pytest.mark.parametrize("settings", [{"foo": "1"}, {"max_turns": "3"}, {"recommender": "other"}])
def test_settings_that_would_be_ignored_are_errors(tmp_path: Path, settings: dict[str, str]) -> None:
    with pytest.raises(InterplayError, match=next(iter(settings))):
        simulate(replace(TALK, settings=settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_window_and_resumption_change_nothing(tmp_path: Path) -> None:
    simulate(TALK, tmp_path / "calm")
    simulate(replace(TALK, window=3), tmp_path / "hit")
    calm, hit = comparable(tmp_path / "calm"), comparable(tmp_path / "hit")
    assert calm[:2] == hit[:2]
    whole = (tmp_path / "hit" / "samples.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "hit" / "samples.jsonl").write_text("".join(whole[5:15]) + whole[16] + '{"index": 2, "dial')
    simulate(TALK, tmp_path / "hit", resume=True)
    assert comparable(tmp_path / "hit") == calm


def test_sigkill_at_random_moments_loses_no_dialogue_and_repeats_none(plugin: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "interplay_bench", "simulate", "--user", "slow-talker", "--recommender"]
    command += ["bookseller", "--dataset", "library", "--data", "150", "--batch", "4", "--plugin", str(plugin)]
    hit = tmp_path / "hit"
    log, dice, kept = hit / "samples.jsonl", random.Random(1), [0]
    for _ in range(10):
        process = subprocess.Popen(
            [*command, "--output", str(hit), "--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=os.environ, cwd=tmp_path,
        )  # fmt: skip
        goal, patience = kept[-1] + dice.randint(0, 14), time.monotonic() + 20
        while lines(log) < goal and time.monotonic() < patience:
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.03))
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept.append(lines(log))
    assert kept == sorted(kept)
    assert kept[-1] > 20
    simulate(SimulationRequest("slow-talker", "bookseller", "library", data="150", window=4), hit, resume=True)
    simulate(SimulationRequest("slow-talker", "bookseller", "library", data="150", window=64), tmp_path / "calm")
    indices = [json.loads(line)["index"] for line in (hit / "samples.jsonl").read_text().splitlines()]
    assert indices == list(range(150))
    assert comparable(hit)[:2] == comparable(tmp_path / "calm")[:2]


def test_controls_meet_each_other(tmp_path: Path) -> None:
    run = simulate(SimulationRequest("accept-at:2", "fixed-list", "library", data="8"), tmp_path / "run")
    assert run["acceptance"].count == 8
    assert run["recommendations"].value == 2
    assert run["repeated"].count == 0
    told = simulate(SimulationRequest("oracle", "fixed-list", "library", data="8"), tmp_path / "told")
    assert told.record.model.knows_target
    assert told["target accepted"].value == 1
    assert "Not reference-free" in write_data_card(told).read_text()
    assert (told.record.leaks or {})["user"] == {"told": True}


def test_another_seed_is_another_order(tmp_path: Path) -> None:
    runs = [
        simulate(SimulationRequest("accept-first", "fixed-list", "library", seed=s), tmp_path / str(s))
        for s in (0, 1, 2)
    ]
    assert len({read_corpus(run.folder)[0].accepted for run in runs}) > 1


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"user": "fixed-list"}, IncompatibleModelError, "^fixed-list is no user simulator"),
        ({"recommender": "talkative"}, IncompatibleModelError, "^talkative is no recommender"),
        ({"user": "talkativ"}, UsageError, "Did you mean 'talkative'"),
        ({"limit": 0}, UsageError, "--limit"),
        ({"max_turns": 0}, UsageError, "--max-turns"),
        ({"window": 0}, UsageError, "--batch"),
        ({"settings": {"engine.dtype": "float32"}}, CardError, "has an engine"),
    ],
)
def test_a_wrong_call_is_one_clear_line(
    tmp_path: Path, change: dict[str, Any], error: type[InterplayError], words: str
) -> None:
    with pytest.raises(error, match=words):
        simulate(replace(TALK, **change), tmp_path / "run")


def test_an_existing_run_is_only_gone_on_with_when_asked_and_when_it_is_the_same(tmp_path: Path) -> None:
    simulate(TALK, tmp_path / "run")
    with pytest.raises(RunError, match="--resume"):
        simulate(TALK, tmp_path / "run")
    assert simulate(TALK, tmp_path / "run", resume=True).complete
    changes: tuple[dict[str, Any], ...] = ({"max_turns": 6}, {"recommender": "fixed-list"}, {"seed": 3})
    for change in changes:
        with pytest.raises(RunError, match="differs in"):
            simulate(replace(TALK, **change), tmp_path / "run", resume=True)


def test_a_taken_folder_is_found_before_any_model_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimulationRequest, "build", None)
    (tmp_path / "run.txt").write_text("mine")
    with pytest.raises(RunError, match="no run directory"):
        simulate(TALK, tmp_path)


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ({}, "no simulated dialogue"),
        ({"notes": []}, "no simulated dialogue"),
        (None, "dialogue 0: detail: Input should be a valid dictionary"),
    ],
)
def test_a_broken_sample_is_one_clear_line(cli: Cli, plugin: Path, tmp_path: Path, detail: object, reason: str) -> None:
    folder = simulate(replace(TALK, limit=2), tmp_path / "run").folder
    log = folder / "samples.jsonl"
    first, second = log.read_text().splitlines()
    log.write_text(json.dumps(json.loads(first) | {"detail": detail}) + "\n" + second + "\n")
    for words in ((), ("--html", "page.html")):
        shown = cli("show", folder, *words, "--plugin", plugin)
        assert shown.returncode == 2
        assert shown.stderr.count("\n") == 1
        assert reason in shown.stderr


def test_killed_at_its_very_start_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json.draft").write_text('{"sche')
    assert simulate(TALK, tmp_path / "run", resume=True).complete


def test_interrupted_by_a_person_it_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("interplay_bench.simulation.simulate.converse", stop)
    with pytest.raises(KeyboardInterrupt, match="--resume goes on from here"):
        simulate(TALK, tmp_path / "run")


def test_the_command_line(cli: Cli, plugin: Path, tmp_path: Path) -> None:
    call = (
        "simulate",
        "--user",
        "talkative",
        "--recommender",
        "bookseller",
        "--dataset",
        "library",
        "--plugin",
        plugin,
    )
    done = cli(*call, "--output", "run", "--export", "chatml", "--max-turns", "8")
    assert done.returncode == 0, done.stderr
    assert "acceptance" in done.stdout
    assert (tmp_path / "run" / "README.md").is_file()
    assert (tmp_path / "run" / "export" / "chatml" / "train.jsonl").is_file()
    shown = cli("show", "run", "--limit", "2")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("── d") == 2
    tabled = cli("table", "run")
    assert tabled.returncode == 0, tabled.stderr
    page = cli("show", "run", "--html", "page.html", "--plugin", plugin)
    assert page.returncode == 0, page.stderr
    assert "Wrote 12 dialogues" in page.stdout
    wrong = cli("simulate", "--user", "nobody", "--recommender", "bookseller")
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1


def test_runs_of_two_users_compare(tmp_path: Path) -> None:
    from interplay_bench.evaluation.run_comparison import compare

    a = simulate(SimulationRequest("accept-at:3", "fixed-list", "library"), tmp_path / "a")
    b = simulate(SimulationRequest("accept-first", "fixed-list", "library"), tmp_path / "b")
    assert compare(a, b)["recommendations"].found.effect == -2
    assert Run.load(tmp_path / "a").complete


def test_live_talk_can_be_sampled_as_no_card_says(tmp_path: Path) -> None:
    asked = SimulationRequest("thermometer", "fixed-list", "library", data="2", max_turns=4, temperature=0.7, top_p=0.9)
    run = simulate(asked, tmp_path / "run")
    assert {text for e in read_corpus(run.folder) for text in e.said(Role.USER)} == {"0.7 and 0.9"}
    assert "--temperature 0.7 --top-p 0.9" in str(run.record.command)
    assert simulate(asked, tmp_path / "run", resume=True).scores == run.scores
    with pytest.raises(RunError, match="differs in model"):
        simulate(replace(asked, temperature=None), tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("asked", "message"),
    [({"temperature": -1.0}, "--temperature must be at least 0"), ({"top_p": 0.0}, "--top-p must be above 0")],
)
def test_sampling_that_cannot_be_is_named(tmp_path: Path, asked: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        simulate(SimulationRequest("thermometer", "fixed-list", "library", **asked), tmp_path / "run")  # type: ignore[arg-type]
