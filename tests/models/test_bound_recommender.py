"""A fine-tuned recommender that is bound to the catalogue: nothing unknown, nothing named again, and a word of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.dialogues.dialogue import Action, Role
from interplay_bench.dialogues.markup import END, special_tokens
from interplay_bench.engines.language_model import Sampling
from interplay_bench.environment.errors import CardError, IncompatibleModelError
from interplay_bench.evaluation.run import Run
from interplay_bench.simulation.episode import Episode
from interplay_bench.simulation.simulate import simulate
from interplay_bench.simulation.simulation_request import SimulationRequest
from interplay_bench.simulators.adapter import ADAPTERS
from interplay_bench.simulators.card import ModelCard
from interplay_bench.simulators.model_spec import Model, find
from tests import random_model
from tests.simulation.talk_plugin import CATALOG

BOUND = Sampling(max_tokens=40, temperature=1.0, stop=(END,), guided="catalogue")
FINETUNED: Any = ADAPTERS.all()["finetuned"]
ASKED = SimulationRequest("accept-at:9", "recsim-smollm2", "library", data="4", max_turns=7)


class Recommending(FINETUNED):  # type: ignore[misc]
    """Random weights hit no action: it is written for them."""

    def prompt(self, view: Any) -> Any:
        asked = super().prompt(view)
        return replace(asked, prefix=f"{asked.prefix}<recommend></action><response>")


@pytest.fixture(scope="module")
def engine() -> Any:
    """A random model that opens and closes titles rather than write other tokens."""
    from interplay_bench.engines.local.transformers_model import TransformersModel
    from interplay_bench.engines.weights import TransformersSettings

    tokenizer = random_model.tokenizer(special_tokens("book"))
    made = random_model.weights(tokenizer)
    made.model.get_output_embeddings().weight.data[
        tokenizer.convert_tokens_to_ids(["<book_title>", "</book_title>"])
    ] *= 3
    return TransformersModel(TransformersSettings(model="tiny"), made)


def talk(engine: Any, sampling: Sampling, folder: Path) -> Run:
    speaker = Recommending(engine, sampling, Role.RECOMMENDER)
    user = find(ASKED.user).build()
    return simulate(ASKED, folder, models=(user, Model("bound", ModelCard("bound", "finetuned", ""), speaker)))


@pytest.mark.slow
def test_it_names_the_catalogue_alone_and_says_so(engine: Any, tmp_path: Path) -> None:
    free, bound = talk(engine, replace(BOUND, guided=True), tmp_path / "free"), talk(engine, BOUND, tmp_path / "bound")
    assert free["unknown items"].count
    assert bound["recommendations"].value
    assert bound["unknown items"].count == bound["repeated"].count == 0
    left = bound["left the catalogue"]
    notes = [
        note for sample in bound.samples for turn, note in Episode.of(sample).spoken if turn.action is Action.RECOMMEND
    ]
    titles = [each for note in notes for each in note.left_catalogue]
    assert left.n == len(titles) > 0
    assert left.value == pytest.approx(sum(titles) / len(titles))
    assert left.value is not None
    assert left.value > 0.9, "random weights know no title"
    assert "left the catalogue" not in free.scores
    assert all("titles:catalogue" in score.signature for score in bound.scores.values())
    assert not any("titles:catalogue" in score.signature for score in free.scores.values())


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (ModelCard("c", "finetuned", "", {"kind": "endpoint"}, {}, {"role": "recommender"}), "in local engines only"),
        (ModelCard("c", "finetuned", "", {}, {}, {"role": "user"}), "binds a recommender, and this is a user"),
        (ModelCard("c", "zero-shot", "", {"kind": "endpoint"}), "binds a fine-tuned recommender"),
        (ModelCard("c", "oracle-prompted", "", {"kind": "endpoint"}), "binds a fine-tuned recommender"),
    ],
)
def test_what_cannot_be_bound_is_refused_before_anything_is_loaded(card: ModelCard, said: str) -> None:
    with pytest.raises(CardError, match=said):
        ADAPTERS.all()[card.adapter].from_card(replace(card, settings={"guided": "catalogue"}), None, 0)


def test_a_misspelt_guide_is_refused() -> None:
    with pytest.raises(CardError, match="guided"):
        FINETUNED.from_card(ModelCard("c", "finetuned", "", {}, {"guided": "catalog"}, {"role": "user"}), None, 0)


def test_an_engine_that_binds_no_titles_is_refused() -> None:
    with pytest.raises(IncompatibleModelError, match="needs an engine that binds titles, which object does not"):
        FINETUNED(object(), BOUND, Role.RECOMMENDER).set_catalog(CATALOG)


def test_the_command_line_binds_the_recommender_alone() -> None:
    user, recommender = replace(ASKED, user="usersim-smollm2", guided="catalogue").models()
    assert user.card.settings["guided"] is True
    assert recommender.card.settings["guided"] == "catalogue"
    assert "--guided catalogue" in replace(ASKED, guided="catalogue").command()
