from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interplay_bench import (
    Action,
    Dialogue,
    DialogueSet,
    Item,
    Mention,
    Persona,
    Preprocessing,
    Role,
    SeenItem,
    Turn,
    View,
)
from interplay_bench.datasets.load import item_catalog, load_dataset
from interplay_bench.environment.errors import IncompatibleModelError
from interplay_bench.items.item_catalog import ItemCatalog
from interplay_bench.simulation.simulate import simulate
from interplay_bench.simulation.simulation_request import SimulationRequest
from interplay_bench.simulators import model_spec as models
from interplay_bench.simulators.adapter import CatalogAware, Ranker

FACTS = ["robots and virtual reality", "bank robbers in Los Angeles", "a chase through Paris", "a monster in space"]
FILMS = tuple(
    Item(str(n), title, 1990 + n, attributes={"plot": (fact,)})
    for n, (title, fact) in enumerate(zip(["Matrix", "Heat", "Ronin", "Alien"], FACTS, strict=True))
)


def proposing(number: int, *items: Item) -> Dialogue:
    turns = (Turn(Role.RECOMMENDER, Action.RECOMMEND, "These.", (), items),)
    return Dialogue(str(number), "u", Persona(), None, turns)


def dataset(split: str, *dialogues: Dialogue, items: tuple[Item, ...] = FILMS) -> DialogueSet:
    return DialogueSet("films", split, dialogues, items, Preprocessing(len(dialogues)))


TRAIN = dataset("train", proposing(0, FILMS[2]), proposing(1, FILMS[2], FILMS[1]), proposing(2, FILMS[2], FILMS[1]))
CATALOG = ItemCatalog(dataset("test", proposing(9, FILMS[3])), lambda: TRAIN)
SPACE = View(Role.RECOMMENDER, Persona(), (Turn(Role.USER, Action.DISCLOSE_GOAL, "A monster from space, please."),))


def build(name: str, catalog: ItemCatalog = CATALOG, seed: int = 0) -> Any:
    adapter = models.find(name).build(seed).adapter
    assert isinstance(adapter, CatalogAware)
    assert isinstance(adapter, Ranker)
    adapter.set_catalog(catalog)
    return adapter


def test_popularity_counts_dialogues_of_the_train_split() -> None:
    (ranked,) = build("popularity").rank([SPACE], 4)
    assert ranked[:2] == [FILMS[2], FILMS[1]]
    (reply,) = build("popularity").respond([SPACE])
    assert reply.turn.recommended == (FILMS[2],)


def test_popularity_needs_a_train_split_that_is_not_what_is_evaluated() -> None:
    for catalog in (ItemCatalog(CATALOG.source, lambda: None), ItemCatalog(TRAIN, lambda: TRAIN)):
        with pytest.raises(IncompatibleModelError, match="give a folder that holds it by --data"):
            build("popularity", catalog)


@pytest.mark.parametrize("name", ["popularity", "bm25", "random-item", "fixed-list"])
def test_what_was_named_or_seen_is_not_recommended(name: str) -> None:
    named = Turn(Role.USER, Action.CHAT, "I know Ronin.", (Mention(FILMS[2], 7, 12),))
    view = View(Role.RECOMMENDER, Persona(history=(SeenItem(FILMS[1], "fine"),)), (named,))
    (ranked,) = build(name).rank([view], 4)
    assert sorted(item.id for item in ranked) == ["0", "3"]


def test_bm25_ranks_by_the_words_of_the_user_and_the_facts_of_what_they_name() -> None:
    named = Turn(Role.USER, Action.CHAT, "More like Heat.", (Mention(FILMS[1], 10, 14),))
    other = Item("9", "Collateral", 2004, attributes={"plot": ("a killer takes a cab through Los Angeles",)})
    model = build("bm25", ItemCatalog(dataset("test", items=(*FILMS, other)), lambda: None))
    assert model.rank([SPACE], 1) == [[FILMS[3]]]
    assert model.rank([View(Role.RECOMMENDER, Persona(), (named,))], 1) == [[other]]
    assert len(model.rank([View(Role.RECOMMENDER, Persona(), ())], 9)[0]) == 5


def test_random_items_depend_on_seed_and_view_alone() -> None:
    hello = View(Role.RECOMMENDER, Persona(), (Turn(Role.USER, Action.GREETING, "Hello."),))
    apart = [build("random-item", seed=seed).rank([view], 4) for seed in range(5) for view in (SPACE, hello)]
    together = [[ranked] for seed in range(5) for ranked in build("random-item", seed=seed).rank([SPACE, hello], 4)]
    assert apart == together
    assert len({tuple(item.id for item in ranked) for (ranked,) in apart}) > 3


def test_a_percentile_is_the_share_of_less_popular_items() -> None:
    assert [CATALOG.percentile(film) for film in FILMS] == [0.25, 0.625, 0.875, 0.25]
    assert ItemCatalog(CATALOG.source, lambda: None).percentile(FILMS[0]) is None


def test_the_train_split_is_found_beside_a_file(data: Path) -> None:
    file = str(data / "redial" / "test_data.jsonl")
    catalog = item_catalog(load_dataset("redial", file), file)
    assert catalog.train is not None
    assert catalog.train.split == "train"
    assert len(catalog.train.dialogues) == 582
    assert len({item.id for item in catalog.items}) == len(catalog.items) > 6000


@pytest.mark.parametrize("name", ["popularity", "bm25", "random-item"])
def test_controls_talk_to_a_user(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interplay_bench.simulation.simulation_metrics.similarity", lambda dialogues: None)
    run = simulate(SimulationRequest("accept-at:2", name, limit=3), tmp_path / "run")
    assert run.ledger.outcomes == {"accepted": 3}
    assert run["unknown items"].count == run["repeated"].count == 0
