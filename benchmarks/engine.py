"""The local engine against other ways to the same answers: ``python benchmarks/engine.py [--data REDIAL]``.

Two jobs on replayed dialogues: a decision after every turn of the recommender, a reply at every user turn. All get
the same prompts, model, dtype and number of threads. Rounds are interleaved, so that a busy machine is busy for all;
a way's figure is the median over the rounds of its time per answer divided by ours in the same round. With
``--every 5`` the ways that share nothing between prompts answer those of every fifth dialogue only: a prompt costs
them the same whatever stands beside it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import statistics
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tabulate import tabulate

from interplay_bench.datasets.dataset_entry import DATASETS
from interplay_bench.dialogues.dialogue import Dialogue, Role
from interplay_bench.dialogues.dialogue_set import Source
from interplay_bench.dialogues.markup import END
from interplay_bench.dialogues.prompt import Prompt
from interplay_bench.engines.endpoint.endpoint_model import EndpointModel, EndpointSettings
from interplay_bench.engines.language_model import Choice, Generation, LanguageModel, Sampling
from interplay_bench.engines.local.transformers_model import TransformersModel
from interplay_bench.engines.vllm.vllm_model import VllmModel
from interplay_bench.engines.weights import Weights, load
from interplay_bench.simulators import model_spec as model
from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator

CHOICES = ("<accept>", "<feedback>")
CONTEXT = 4096
"""Tokens that vLLM lays out room for; the prompts are far shorter."""
WRITTEN = 32
"""Tokens written where a decision is read from text."""
Answers = list[Any]


@dataclass(frozen=True, slots=True)
class Way:
    """``run`` answers prompts. ``every``: all of them, not only some dialogues'; ``compares``: as ours are answered."""

    run: Callable[[Sequence[Prompt]], Answers]
    every: bool = False
    compares: bool = True


@dataclass(frozen=True, slots=True)
class Work:
    """The prompts of a job, in the order of their dialogues, and the places of those that slow ways answer."""

    prompts: Sequence[Prompt]
    some: Sequence[int]

    @classmethod
    def of(cls, groups: Sequence[Sequence[Prompt]], step: int) -> Work:
        """All prompts of the dialogues ``groups``; slow ways get every ``step``-th dialogue's."""
        owners = [number for number, group in enumerate(groups) for _ in group]
        some = [place for place, number in enumerate(owners) if number % step == 0]
        return cls([prompt for group in groups for prompt in group], some)

    def places(self, way: Way) -> Sequence[int]:
        """Which prompts ``way`` answers."""
        return range(len(self.prompts)) if way.every else self.some


class Peers:
    """The other ways, on one plain model."""

    def __init__(
        self, weights: Weights, engine: TransformersModel, tokens: int, server: str | None, vllm: LanguageModel | None
    ) -> None:
        self.model, self.tokenizer, self.encoder = weights.model, weights.tokenizer, engine.encoder
        self.tokens = tokens
        self.tokenizer.padding_side = "left"
        self.harness = self._harness()
        self.vllm = vllm
        self.server = EndpointModel(EndpointSettings(model="peer", base_url=server, concurrency=1)) if server else None

    def _harness(self) -> Any:
        if importlib.util.find_spec("lm_eval") is None:
            print("lm_eval is not installed: lm-evaluation-harness is left out")
            return None
        from lm_eval.models.huggingface import HFLM

        return HFLM(pretrained=self.model, tokenizer=self.tokenizer, batch_size=8, add_bos_token=False)

    def forgetful(self, ask: Callable[[LanguageModel], Answers]) -> Answers:
        """Ask vLLM, which is to know no prompt of an earlier round."""
        assert isinstance(self.vllm, VllmModel)
        self.vllm._llm.reset_prefix_cache()
        return ask(self.vllm)

    def generate(self, prompts: Sequence[Prompt], batch: int, tokens: int, least: int = 0) -> Answers:
        """Transformers' ``generate``, greedy, on padded batches."""
        texts = []
        for at in range(0, len(prompts), batch):
            written = [self.encoder.text(prompt) for prompt in prompts[at : at + batch]]
            inputs = self.tokenizer(written, return_tensors="pt", padding=True, add_special_tokens=False)
            output = self.model.generate(
                **inputs,
                do_sample=False,
                max_new_tokens=tokens,
                min_new_tokens=least or None,
                stop_strings=None if least else [END],
                tokenizer=self.tokenizer,
                pad_token_id=self.tokenizer.pad_token_id,
            )
            new = output[:, inputs["input_ids"].shape[1] :]
            texts += self.tokenizer.batch_decode(new)
        special = re.compile("|".join(map(re.escape, (END, self.tokenizer.eos_token, self.tokenizer.pad_token))))
        return [spoken(special.split(text)[0]) for text in texts]

    def forwards(self, prompts: Sequence[Prompt]) -> Answers:
        """One forward pass per prompt, with the last token's logits only."""
        ids = (self.tokenizer(self.encoder.text(p), return_tensors="pt", add_special_tokens=False) for p in prompts)
        return [self.model(**one, use_cache=False, logits_to_keep=1).logits[0, -1].argmax().item() for one in ids]

    def bare(self, sequences: Sequence[tuple[int, ...]]) -> Answers:
        """The floor: the model's forward pass, once over every dialogue."""
        for sequence in sequences:
            self.model(torch.tensor([sequence]), use_cache=False, logits_to_keep=1)
        return []

    def loglikelihood(self, prompts: Sequence[Prompt]) -> Answers:
        """lm-evaluation-harness: the log-likelihood of each choice."""
        pairs = [(self.encoder.text(prompt), choice) for prompt in prompts for choice in CHOICES]
        scores = [score for score, _ in self.harness.loglikelihood(_instances("loglikelihood", pairs), True)]
        each = [scores[at : at + len(CHOICES)] for at in range(0, len(scores), len(CHOICES))]
        return [found.index(max(found)) for found in each]

    def generate_until(self, prompts: Sequence[Prompt], tokens: int) -> Answers:
        """lm-evaluation-harness: texts."""
        options = {"until": [END], "max_gen_toks": tokens, "do_sample": False}
        pairs = [(self.encoder.text(prompt), options) for prompt in prompts]
        found = self.harness.generate_until(_instances("generate_until", pairs), True)
        return [spoken(text) for text in found]


def _instances(kind: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    from lm_eval.api.instance import Instance

    return [Instance(kind, {}, pair, index) for index, pair in enumerate(arguments)]


def dialogues(data: str | None, count: int) -> list[Dialogue]:
    """The first ``count`` dialogues in which something is recommended: of ReDial's ``data``, or of the sample."""
    entry = DATASETS.find("redial" if data else "sample")
    found = entry.loader(Source(data=data, split="test")).dialogues
    return [dialogue for dialogue in found if any(dialogue.proposals())][:count]


def cast(name: str, dtype: str) -> tuple[LanguageModelSimulator, TransformersModel]:
    """The model that is measured, and its engine."""
    simulator = model.find(name, {"dtype": dtype, "device": "cpu"}).build(0).adapter
    if not isinstance(simulator, LanguageModelSimulator) or not isinstance(simulator.model, TransformersModel):
        raise SystemExit(f"{name} does not run on the local engine: choose another --model.")
    return simulator, simulator.model


def by_vllm(name: str, options: str) -> LanguageModel:
    """The same model by vLLM in this process; ``options``: more of ``vllm.LLM``'s, as TOML."""
    engine = {"kind": "vllm", "dtype": "float32", "max_context": CONTEXT, "options": tomllib.loads(options)}
    simulator = model.find(name, engine).build(0).adapter
    assert isinstance(simulator, LanguageModelSimulator)
    return simulator.model


def prompts_at(user: LanguageModelSimulator, dialogue: Dialogue, points: Sequence[int]) -> list[Prompt]:
    """The user's prompts before the turns at ``points``."""
    return user.prompts([dialogue.view(Role.USER, point) for point in points])


def measure(ways: dict[str, Way], work: Work, rounds: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Run every way once per round; return the times per answer, and the answers of the last round by place."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    answers = {}
    for number in range(rounds):
        for name, way in ways.items():
            places = work.places(way)
            prompts = [work.prompts[place] for place in places]
            begun = clock()
            with torch.inference_mode():
                found = way.run(prompts)
            spent = clock() - begun
            times[name].append(spent / len(places))
            answers[name] = dict(zip(places, found, strict=True)) if way.compares else {}
            print(f"  round {number + 1}: {name}: {spent:.2f} s for {len(places)}", flush=True)
    return {"times": times, "answers": answers}


def report(title: str, measured: dict[str, Any], units: int) -> dict[str, Any]:
    """Print one job's table; return it as JSON values."""
    ours, *_ = measured["times"]
    reference = measured["answers"][ours]
    rows, record = [], {}
    for name, times in measured["times"].items():
        ratio = statistics.median(t / o for t, o in zip(times, measured["times"][ours], strict=True))
        answers = measured["answers"][name]
        same = f"{sum(answer == reference[place] for place, answer in answers.items())}/{len(answers)}"
        record[name] = {"seconds_per_answer": times, "ratio": ratio, "same_answers": same if answers else None}
        rows.append([name, f"{1 / statistics.median(times):.2f}", f"{ratio:.2f}", same if answers else "-"])
    print(tabulate(rows, [title, "per second", "time, ours = 1", "same answers"], tablefmt="github"), flush=True)
    return {"job": title, "units": units, "ways": record}


def index(answers: Sequence[Any]) -> Answers:
    return [answer.index if isinstance(answer, Choice) else None for answer in answers]


def text(answers: Sequence[Any]) -> Answers:
    return [spoken(answer.text) if isinstance(answer, Generation) else None for answer in answers]


def spoken(text: str) -> str:
    """A text without structural tokens: lm-evaluation-harness takes them out, where they are special ones."""
    return re.sub(r"<[^<>]*>", "", text).strip()


def choosing(
    user: LanguageModelSimulator,
    replays: Sequence[Dialogue],
    step: int,
    ours: TransformersModel,
    half: TransformersModel,
    peers: Peers,
) -> tuple[dict[str, Way], Work]:
    points = [[i + 1 for i, turn in enumerate(d.turns) if turn.role is Role.RECOMMENDER] for d in replays]
    groups = [prompts_at(user, d, those) for d, those in zip(replays, points, strict=True)]
    last = ours.encoder.questions([group[-1] for group in groups], CHOICES)
    longest = [question.sequences[0] for question in last if hasattr(question, "sequences")]
    ways = {
        "ours": Way(lambda p: index(ours.choose(p, CHOICES)), every=True),
        "ours, bfloat16": Way(lambda p: index(half.choose(p, CHOICES)), every=True),
        "bare forward, once per dialogue": Way(lambda _: peers.bare(longest), every=True, compares=False),
        "a forward per turn": Way(peers.forwards, compares=False),
        "naive generation, until it stops": Way(lambda p: peers.generate(p, 1, WRITTEN), compares=False),
        f"naive generation, {WRITTEN} tokens": Way(lambda p: peers.generate(p, 1, WRITTEN, WRITTEN), compares=False),
    }
    if peers.harness is not None:
        ways["lm-eval loglikelihood"] = Way(peers.loglikelihood)
    if peers.vllm is not None:
        ways["vLLM in this process"] = Way(
            lambda p: peers.forgetful(lambda vllm: index(vllm.choose(p, CHOICES))), every=True
        )
    return ways, Work.of(groups, step)


def writing(
    user: LanguageModelSimulator,
    replays: Sequence[Dialogue],
    step: int,
    ours: TransformersModel,
    half: TransformersModel,
    peers: Peers,
) -> tuple[dict[str, Way], Work]:
    turns = [[i for i, turn in enumerate(d.turns) if turn.role is Role.USER and i > 0] for d in replays]
    groups = [prompts_at(user, d, points) for d, points in zip(replays, turns, strict=True)]
    sampling = Sampling(max_tokens=peers.tokens, stop=(END,))
    ways = {
        "ours": Way(lambda p: text(ours.generate(p, sampling)), every=True),
        "ours, bfloat16": Way(lambda p: text(half.generate(p, sampling)), every=True),
        "naive generation": Way(lambda p: peers.generate(p, 1, peers.tokens)),
        "batched generate, 8": Way(lambda p: peers.generate(p, 8, peers.tokens)),
    }
    if peers.harness is not None:
        ways["lm-eval generate_until"] = Way(lambda p: peers.generate_until(p, peers.tokens))
    if peers.vllm is not None:
        ways["vLLM in this process"] = Way(
            lambda p: peers.forgetful(lambda vllm: text(vllm.generate(p, sampling))), every=True
        )
    if (server := peers.server) is not None:
        ways["the server"] = Way(lambda p: text(server.generate(p, sampling)))
    return ways, Work.of(groups, step)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="ReDial's test_data.jsonl; the sample where absent")
    parser.add_argument("--model", default="usersim-smollm2", help="whose prompts are answered: a name or a card")
    parser.add_argument("--dialogues", type=int, default=5)
    parser.add_argument("--every", type=int, default=1, help="ways that share nothing take every Nth dialogue only")
    parser.add_argument("--tokens", type=int, default=48, help="of each reply")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: for busy machines, one thread")
    parser.add_argument("--jobs", nargs="*", choices=("choose", "generate"), default=("choose", "generate"))
    parser.add_argument("--only", nargs="*", help="run these ways only, beside ours")
    parser.add_argument("--server", help="an OpenAI-compatible server with the same model, as llama.cpp's, by its URL")
    parser.add_argument(
        "--vllm", metavar="TOML", help="also vLLM in this process, with these options: 'max_num_seqs = 16'"
    )
    parser.add_argument("--output", type=Path, help="write the figures here, as JSON")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    user, ours = cast(options.model, "float32")
    _, half = cast(options.model, "bfloat16")
    # Weights of their own: ours are reordered.
    vllm = by_vllm(options.model, options.vllm) if options.vllm is not None else None
    torch.set_num_threads(options.threads)  # vLLM sets its own
    peers = Peers(load(ours.settings), ours, options.tokens, options.server, vllm)
    replays = dialogues(options.data, options.dialogues)
    # Nobody's first pass is counted, in which kernels and memory are set up.
    first = prompts_at(user, replays[0], [1])
    for engine in (ours, half):
        engine.choose(first, CHOICES)
    if vllm is not None:
        vllm.choose(first, CHOICES)
    peers.forwards(first)
    clock = time.perf_counter if options.clock == "wall" else time.process_time
    records = []
    for job, title, make in (("choose", "decisions", choosing), ("generate", "replies", writing)):
        if job in options.jobs:
            ways, work = make(user, replays, options.every, ours, half, peers)
            kept = {n: w for n, w in ways.items() if n == "ours" or not options.only or n in options.only}
            records.append(report(title, measure(kept, work, options.rounds, clock), len(work.prompts)))
    if options.output:
        facts = {"threads": options.threads, "clock": options.clock, "dialogues": len(replays)}
        facts |= {"every": options.every, "model": options.model}
        facts["versions"] = ours.weights.identity["versions"]
        options.output.write_text(json.dumps({**facts, "jobs": records}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
