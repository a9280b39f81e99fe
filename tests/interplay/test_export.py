"""The corpus in other people's formats, read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interplay_bench.dataset import Source
from interplay_bench.dialogue import Action, Role
from interplay_bench.errors import DataError, UsageError
from interplay_bench.interplay.corpus import FILE, LEFT_OUT, load, read_corpus
from interplay_bench.interplay.export import export
from interplay_bench.interplay.request import Request
from interplay_bench.interplay.session import simulate
from interplay_bench.run import Run
from interplay_bench.runner import load as load_dataset


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return simulate(Request("talkative", "bookseller", "library", data="40"), tmp_path / "run")


def rows(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]


def test_hf_has_every_dialogue(run: Run) -> None:
    from datasets import load_from_disk

    table = load_from_disk(str(export(run, "hf")))
    episodes = read_corpus(run.folder)
    assert table["id"] == [episode.dialogue.id for episode in episodes]
    assert table[3]["turns"][2]["text"] == episodes[3].dialogue.turns[2].text
    assert table["outcome"] == [str(episode.end) for episode in episodes]


def test_chat_formats_make_the_recommender_the_assistant(run: Run) -> None:
    kept = [episode for episode in read_corpus(run.folder) if episode.end not in LEFT_OUT]
    assert 0 < len(kept) < 40
    shared, chat = rows(export(run, "sharegpt")), rows(export(run, "chatml"))
    assert len(shared) == len(chat) == len(kept)
    first = kept[0].dialogue
    assert shared[0]["conversations"][0] == {"from": "human", "value": first.turns[0].text}  # type: ignore[index]
    messages = chat[0]["messages"]
    assert [message["role"] for message in messages[:3]] == ["system", "user", "assistant"]  # type: ignore[index]
    assert first.persona.target_attributes not in messages[0]["content"]  # type: ignore[index]


def test_pearl_is_read_by_the_pearl_loader_with_the_acceptance_in_place(run: Run) -> None:
    folder = export(run, "pearl")
    read = load_dataset("pearl", str(folder), "train").dialogues
    kept = [episode for episode in read_corpus(run.folder) if episode.end not in LEFT_OUT]
    kept = [episode for episode in kept if episode.dialogue.target or episode.accepted]  # PEARL's need a title
    assert len(read) == len(kept)
    for back, episode in zip(read, kept, strict=True):
        accepted = [turn for turn in back.turns if turn.action is Action.ACCEPT]
        assert bool(accepted) is bool(episode.accepted)
        if accepted:
            assert back.turns[-1] == accepted[0]
            assert accepted[0].role is Role.USER
            assert back.target is not None
            assert back.target.title == episode.accepted[0].title


def test_the_corpus_is_a_data_set(run: Run) -> None:
    found = load(Source(str(run.folder)))
    assert found.synthetic
    assert found.preprocessing.rows == 40
    assert len(found.dialogues) == found.preprocessing.kept < 40
    with pytest.raises(DataError, match="--data"):
        load(Source())


def test_a_broken_corpus_is_named_by_line(run: Run) -> None:
    path = run.folder / FILE
    path.write_text(path.read_text().splitlines()[0] + '\n{"id": 1}\n')
    with pytest.raises(DataError, match="line 2 of"):
        read_corpus(run.folder)


def test_an_unknown_format_is_named(run: Run) -> None:
    with pytest.raises(UsageError, match="Did you mean 'chatml'"):
        export(run, "chatm")
