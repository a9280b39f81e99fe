"""The corpus in other people's formats, read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue import Action, Dialogue, Item, Mention, Persona, Role, Turn
from interplay_bench.dialogues.dialogue_set import DialogueSet, Preprocessing
from interplay_bench.environment.errors import DataError, UsageError
from interplay_bench.evaluation.run import Run
from interplay_bench.reports.transcript import transcripts
from interplay_bench.simulation.corpus import FILE, LEFT_OUT, read_corpus
from interplay_bench.simulation.data_card import write_data_card
from interplay_bench.simulation.export import export
from interplay_bench.simulation.simulate import simulate
from interplay_bench.simulation.simulation_request import SimulationRequest
from interplay_bench.simulation.turn_diagnostics import TurnDiagnostics

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return simulate(SimulationRequest("talkative", "bookseller", "library", data="40"), tmp_path / "run")


def rows(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]


def test_hf_has_every_dialogue(run: Run) -> None:
    from datasets import load_dataset

    table = load_dataset(str(export(run, "hf")), cache_dir=str(run.folder / "cache"))["train"]
    episodes = read_corpus(run.folder)
    assert list(table["id"]) == [episode.dialogue.id for episode in episodes]
    assert table[3]["turns"][2]["text"] == episodes[3].dialogue.turns[2].text
    notes = [[turn["note"] for turn in turns] for turns in table["turns"]]
    assert [[TurnDiagnostics.from_json(note) for note in each] for each in notes] == [list(e.notes) for e in episodes]
    assert list(table["outcome"]) == [str(episode.end) for episode in episodes]


def test_two_corpora_can_be_joined_whatever_is_empty_in_one(run: Run, tmp_path: Path) -> None:
    from datasets import Dataset, concatenate_datasets

    plain = simulate(SimulationRequest("never-accept", "fixed-list", "library", data="2"), tmp_path / "plain")
    joined = concatenate_datasets(
        [
            Dataset.from_parquet(str(export(each, "hf") / "train.parquet"), cache_dir=str(tmp_path))
            for each in (run, plain)
        ]
    )
    assert len(joined) == 42


def test_the_library_reads_the_corpus_and_every_export_by_its_card(run: Run, tmp_path: Path) -> None:
    from datasets import load_dataset

    write_data_card(run)
    folders = [run.folder, *(export(run, name) for name in ("sharegpt", "chatml", "pearl"))]
    for folder in folders:
        found = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
        assert list(found) == ["train"]
    for folder in (*folders, export(run, "hf")):
        card = (folder / "README.md").read_text()
        for word in ("talkative", "bookseller", "seed 0", "Leak audit", "Neither side was told"):
            assert word in card, folder


def test_a_told_users_exports_say_so(tmp_path: Path) -> None:
    told = simulate(SimulationRequest("oracle", "fixed-list", "library", data="4"), tmp_path / "told")
    for name in ("hf", "sharegpt", "chatml", "pearl"):
        assert "Not reference-free: the user was told" in (export(told, name) / "README.md").read_text()
    assert all("which the user was told" in text for text in transcripts(told))


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


def test_pearl_names_what_has_no_year(tmp_path: Path) -> None:
    def timeless(number: int) -> Dialogue:
        book = Item(f"b{number % 3}", ("The Long Road", "Grey Harbour", "Nine Lamps")[number % 3], domain="book")
        return Dialogue(f"d{number}", "u", Persona("Likes roads."), None if number else book, (said(book),))

    def said(book: Item) -> Turn:
        return Turn(Role.RECOMMENDER, Action.RECOMMEND, book.name, (Mention(book, 0, len(book.name)),), (book,))

    dialogues = tuple(map(timeless, range(3)))
    books = tuple(dialogue.turns[0].items[0] for dialogue in dialogues)
    found = DialogueSet("timeless", "test", dialogues, books, Preprocessing(3))
    dataset("timeless", splits=("test",))(lambda source: found)
    made = simulate(SimulationRequest("accept-at:3", "fixed-list", "timeless"), tmp_path / "run")
    back = load_dataset("pearl", str(export(made, "pearl")), "train").dialogues
    kept = [episode.dialogue for episode in read_corpus(made.folder)]
    recommended = [[[item.title for item in turn.recommended] for turn in d.turns] for d in kept]
    assert [[[item.title for item in turn.recommended] for turn in d.turns] for d in back] == recommended
    assert all(sum(map(len, turns)) == 3 for turns in recommended)
    assert [dialogue.persona for dialogue in back] == [dialogue.persona for dialogue in kept]  # nothing seen in either


def test_a_broken_corpus_is_named_by_line(run: Run) -> None:
    path = run.folder / FILE
    path.write_text(path.read_text().splitlines()[0] + '\n{"id": 1}\n')
    with pytest.raises(DataError, match="line 2 of"):
        read_corpus(run.folder)


def test_an_unknown_format_is_named(run: Run) -> None:
    with pytest.raises(UsageError, match="Did you mean 'chatml'"):
        export(run, "chatm")
