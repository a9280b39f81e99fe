from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from interplay_bench import Dialogue, Role
from interplay_bench.environment.errors import CheckpointError, UsageError
from interplay_bench.unicrs import unicrs_checkpoint as checkpoint
from interplay_bench.unicrs.batch import Batch, Reading
from interplay_bench.unicrs.network import Network
from interplay_bench.unicrs.unicrs_example import Context

Make = Callable[..., Network]


@pytest.fixture
def contexts(dialogues: tuple[Dialogue, ...], network: Make) -> list[Context]:
    linker = network().linker
    return [Context.of(d.turns[: 1 + n % 4], Role.RECOMMENDER, linker) for n, d in enumerate(dialogues[:6])]


def scores(network: Network, contexts: list[Context]) -> torch.Tensor:
    readings = network.reader.read(contexts, [[]] * len(contexts), [[]] * len(contexts))
    with torch.no_grad():
        return network.recommender.scores(Batch.of(readings), network.recommender.vectors())


@pytest.mark.parametrize("layers", ["0", "1", "2"])
def test_a_row_does_not_depend_on_its_batch(network: Make, contexts: list[Context], layers: str) -> None:
    made = network(prompt_layers=layers)
    alone = torch.cat([scores(made, [context]) for context in contexts])
    torch.testing.assert_close(scores(made, contexts), alone, atol=1e-5, rtol=1e-4)
    assert made.templates(contexts, True) == [made.templates([context], True)[0] for context in contexts]


@pytest.mark.parametrize("layers", ["0", "1"])
def test_the_cut_model_without_a_prompt_is_the_model(network: Make, layers: str) -> None:
    """With a prompt of no tokens, both parts together give the logits that transformers gives."""
    made = network(prompt_layers=layers)
    language = made.language
    ids = torch.tensor([language.encode("hello you"), language.encode("other one")])
    mask = torch.ones_like(ids, dtype=torch.bool)
    states = language.above(language.below(ids, mask), mask, mask[:, :0], language.cache())
    with torch.no_grad():
        from transformers import AutoModelForCausalLM

        whole = AutoModelForCausalLM.from_pretrained(made.recipe.base)
        torch.testing.assert_close(
            language.logits(states, language.slot_vector)[..., :-1], whole(ids).logits, atol=1e-5, rtol=1e-4
        )


@pytest.mark.parametrize("change", [{"convolution": "false"}, {"fusion": "false"}, {"affinity": "bilinear"}])
def test_every_ablation_changes_the_scores(network: Make, contexts: list[Context], change: dict[str, str]) -> None:
    made, other = network(), network(**change)
    own = {name: t for name, t in made.state().items() if name in other.state()}
    other.restore(own)
    assert not torch.allclose(scores(made, contexts), scores(other, contexts))


def test_it_answers_with_slots_and_never_with_what_was_named(network: Make, contexts: list[Context]) -> None:
    made = network()
    answers = made.answer(contexts, always=True)
    for context, answer in zip(contexts, answers, strict=True):
        assert None in answer.template
        assert set(answer.ranking) == set(made.graph.items) - context.items
    free = made.answer(contexts, always=False)
    for answer, kept in zip(answers, free, strict=True):
        assert kept.template == answer.template or None not in kept.template


def test_text_of_entities_joins_and_bias_orders(network: Make, contexts: list[Context]) -> None:
    assert network(entity_text="true").recommender.prompter.entities.describe is not None
    made = network(item_bias="true")
    assert made.recommender.counts is not None
    made.recommender.counts[3] = 1e30
    assert scores(made, contexts).argmax(1).tolist() == [3] * len(contexts)


def test_biases_are_the_frequency_of_targets(network: Make) -> None:
    predictor = network(item_bias="true").recommender
    nothing = torch.zeros(0)
    often, once = predictor.candidates[:2]
    targets = [torch.stack([often, once]), *[often[None]] * 2]
    predictor.expect([Reading(nothing, nothing, nothing, numbers) for numbers in targets])
    assert predictor.counts is not None
    assert predictor.counts[:2].tolist() == [3.5, 1.5]
    assert set(predictor.counts[2:].tolist()) == {0.5}


def test_an_example_that_is_learnt_from_does_not_count_its_own_targets(network: Make, contexts: list[Context]) -> None:
    """In training its loss is what a count over all other examples gives."""
    made = network(item_bias="true")
    predictor = made.recommender
    own, other = predictor.candidates[:2].tolist()
    readings = made.reader.read(contexts[:1] * 2, [[], []], [[own, other], [other]])
    predictor.expect(readings)
    predictor.train()
    with torch.no_grad():
        learnt = predictor.loss(Batch.of(readings[:1]))[0]
        predictor.eval()
        predictor.expect(readings[1:])
        assert float(learnt) == pytest.approx(float(predictor.loss(Batch.of(readings[:1]))[0]))
        assert predictor.counts is not None
        assert predictor.counts[:2].tolist() == [0.5, 1.5]


@pytest.mark.parametrize("convolution", ["true", "false"])
def test_likeness_is_the_mean_cosine_of_what_the_context_names(
    network: Make, contexts: list[Context], convolution: str
) -> None:
    made = network(entity_text="true", likeness="true", convolution=convolution)
    predictor = made.recommender
    assert predictor.weights is not None
    assert made.names is not None
    batch = Batch.of(made.reader.read(contexts, [[]] * len(contexts), [[]] * len(contexts)))
    with torch.no_grad():
        predictor.weights.copy_(torch.tensor([0.0, 1.0]))
        plain = predictor.scores(batch, predictor.vectors())
        predictor.weights.copy_(torch.tensor([0.02, 1.0]))
        joined = predictor.scores(batch, predictor.vectors())
    shown = _told(made.names.float(), made.graph.edges if convolution == "true" else ())
    for row, context in enumerate(contexts):
        for place, item in enumerate(made.graph.items):
            cosines = [float(torch.cosine_similarity(shown[item], shown[other], dim=0)) for other in context.entities]
            mean = sum(cosines) / max(1, len(cosines))
            assert float(joined[row, place] - plain[row, place]) == pytest.approx(2 * mean, abs=1e-3)


def _told(names: torch.Tensor, edges: Sequence[tuple[int, int, int]]) -> torch.Tensor:
    """Each entity's own direction plus that of its neighbours' sum, one by one, less the mean."""
    unit = [row / row.norm() for row in names - names.mean(0)]
    out = []
    for number, row in enumerate(unit):
        near = [unit[tail] for head, _, tail in edges if head == number]
        near += [unit[head] for head, _, tail in edges if tail == number]
        around = torch.stack(near).sum(0) if near else torch.zeros_like(row)
        out.append(row + around / around.norm().clamp(min=1e-12))
    if not edges:
        return torch.stack(unit)
    told = torch.nn.functional.normalize(torch.stack(out), dim=-1)
    return told - told.mean(0)


def test_likeness_needs_names(network: Make) -> None:
    with pytest.raises(UsageError, match="needs entity_text"):
        network(likeness="true")


def test_a_checkpoint_ranks_as_before(network: Make, contexts: list[Context], tmp_path: Path) -> None:
    made = network(entity_text="true", prompt_layers="2")
    checkpoint.save(made, tmp_path / "kept")
    again = checkpoint.load(tmp_path / "kept")
    assert again.answer(contexts, True) == made.answer(contexts, True)
    assert {path.suffix for path in (tmp_path / "kept").iterdir()} == {".json", ".safetensors"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", "cannot be read"),
        ("config.json", '{"model_type": "llama"}', "holds no UniCRS"),
        ("graph.json", '{"names": 3}', "malformed"),
        ("unicrs.safetensors", "x", "cannot be loaded"),
    ],
)
def test_a_broken_checkpoint_is_one_line(network: Make, tmp_path: Path, name: str, content: str, message: str) -> None:
    checkpoint.save(network(), tmp_path / "kept")
    (tmp_path / "kept" / name).write_text(content)
    with pytest.raises(Exception, match=message) as caught:
        checkpoint.load(tmp_path / "kept")
    assert "\n" not in str(caught.value)


def test_other_base_weights_are_refused(network: Make, tmp_path: Path) -> None:
    checkpoint.save(network(), tmp_path / "kept")
    path = tmp_path / "kept" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "base_weights": "other"}))
    with pytest.raises(CheckpointError, match="other weights"):
        checkpoint.load(tmp_path / "kept")


def test_prompt_layers_beyond_the_model_are_refused(network: Make) -> None:
    with pytest.raises(UsageError, match="from 0"):
        network(prompt_layers="9")


def test_the_papers_kind_of_model_works_uncut(
    network: Make, contexts: list[Context], models: Path, tmp_path: Path
) -> None:
    """DialoGPT is a GPT-2: learnt positions, no grouped heads."""
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    tokenizer = AutoTokenizer.from_pretrained(models / "lm")
    tokenizer.save_pretrained(tmp_path)
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=4, n_positions=128)
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    made = network(base=str(tmp_path))
    alone = torch.cat([scores(made, [context]) for context in contexts])
    torch.testing.assert_close(scores(made, contexts), alone, atol=1e-5, rtol=1e-4)
    assert made.templates(contexts, True) == [made.templates([context], True)[0] for context in contexts]
    with pytest.raises(UsageError, match="set it to 0"):
        network(base=str(tmp_path), prompt_layers="1")
