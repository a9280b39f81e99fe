"""Decisions and replies a second on a machine with a GPU: ``python benchmarks/gpu.py``.

A model of random weights, of Qwen3 8B's shape, answers replayed dialogues of the sample by the local engine, by vLLM
in this process, and by a server that this starts (``vllm serve``). Each has a process of its own, and so the GPU to
itself. Nothing is fetched: the tokenizer is made of the sample's words. Every round has dialogues that no earlier one
had, for decisions and for replies, so that nobody's cache knows them. What is written means nothing, and is as long as
it may be.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tabulate import tabulate

SHAPES = ("8b", "tiny")
WAYS = {
    "local": "the local engine",
    "vllm": "vLLM in this process",
    "served": "vLLM's server",
}
CONTEXT = 4096
CHOICES = ("<accept>", "<feedback>")
CARD = """summary = "random weights"
adapter = "finetuned"

[engine]
{engine}

[train]
role = "user"
"""


def make_model(shape: str, folder: Path) -> None:
    """Write a random model of ``shape`` and its tokenizer to ``folder``, in bfloat16."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from interplay_bench.simulators.card import find
    from interplay_bench.training.training_plan import read_config
    from interplay_bench.training.training_recipe import TrainingRecipe

    tokenizer = make_tokenizer()
    if shape == "8b":
        config = read_config(TrainingRecipe.of(find("usersim-qwen8b")))
    else:
        config = AutoConfig.for_model(
            "qwen3", vocab_size=len(tokenizer), hidden_size=128, intermediate_size=256, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, head_dim=32, tie_word_embeddings=False,
        )  # fmt: skip
    config.eos_token_id = tokenizer.eos_token_id
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_tokenizer() -> Any:
    """A tokenizer of the sample's words and the markup: its texts are about as long as by Qwen3's own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from interplay_bench.datasets.load import load_dataset
    from interplay_bench.training.tokens import extend

    texts = [turn.text for dialogue in load_dataset("sample", split="train").dialogues for turn in dialogue.turns]
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=8000, special_tokens=["<end>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    inner.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<end>", pad_token="<end>", model_max_length=CONTEXT
    )
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    )
    extend(tokenizer)
    return tokenizer


def measure(card: Path, options: argparse.Namespace) -> dict[str, list[float]]:
    """Answers a second of each round, for decisions and for replies; one round before them is not counted."""
    import torch

    from interplay_bench.datasets.load import load_dataset
    from interplay_bench.dialogues.dialogue import Role
    from interplay_bench.engines.language_model import Choice, Generation, Sampling
    from interplay_bench.simulators.language_model_simulator import LanguageModelSimulator
    from interplay_bench.simulators.model_spec import find

    user = find(str(card)).build(0).adapter
    assert isinstance(user, LanguageModelSimulator)
    dialogues = list(load_dataset("sample", split="train").dialogues)
    needed = 2 * (options.rounds + 1) * options.dialogues
    if needed > len(dialogues):
        raise SystemExit(f"--rounds and --dialogues ask for {needed} dialogues: the sample has {len(dialogues)}.")

    def ask(job: str) -> tuple[int, float]:
        prompts = [
            user.prompts([dialogue.view(Role.USER, at)])[0]
            for dialogue in (dialogues.pop() for _ in range(options.dialogues))
            for at, turn in enumerate(dialogue.turns)
            if turn.role is Role.USER and at
        ]
        begun = time.perf_counter()
        if job == "decisions":
            answers: Sequence[Any] = user.model.choose(prompts, CHOICES)
        else:
            answers = user.model.generate(prompts, Sampling(max_tokens=options.tokens))
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        spent = time.perf_counter() - begun
        assert all(isinstance(answer, Choice | Generation) for answer in answers), answers
        return len(prompts), spent

    found: dict[str, list[float]] = {"decisions": [], "replies": []}
    for number in range(options.rounds + 1):
        for job, rates in found.items():
            count, spent = ask(job)
            print(f"  {number or 'warm-up'}: {count} {job} in {spent:.2f} s", flush=True)
            if number:
                rates.append(count / spent)
    user.close()
    return found


@contextmanager
def server(folder: Path, options: argparse.Namespace) -> Iterator[str]:
    """``vllm serve`` over ``folder``; gives the address once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["vllm", "serve", str(folder), "--served-model-name", "rehearsal", "--host", "127.0.0.1", "--port",
               str(port), "--dtype", "bfloat16", "--max-model-len", str(CONTEXT), *options.serve]  # fmt: skip
    log = folder.parent / "server.log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            [str(Path(sys.executable).parent / command[0]), *command[1:]], stdout=out, stderr=out
        ) as process,
    ):
        try:
            _wait(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def _wait(address: str, process: subprocess.Popen[bytes], log: Path, seconds: int = 900) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(2)
    raise SystemExit(f"The server did not start: see {log}.")


def engine(way: str, folder: Path, url: str, options: argparse.Namespace) -> str:
    """The card's ``[engine]`` of one way."""
    if way == "served":
        return f'kind = "endpoint"\nmodel = "rehearsal"\nbase_url = "{url}"\ncache = "off"\nconcurrency = 64'
    kind = "transformers" if way == "local" else "vllm"
    more = f"\noptions = {{ {options.vllm} }}" if way == "vllm" and options.vllm else ""
    return f'kind = "{kind}"\nmodel = "{folder}"\ndtype = "bfloat16"\nmax_context = {CONTEXT}{more}'


def run(way: str, folder: Path, options: argparse.Namespace, url: str = "") -> dict[str, list[float]]:
    """Measure one way in a process of its own."""
    card = folder.parent / f"{way}.toml"
    card.write_text(CARD.format(engine=engine(way, folder, url, options)))
    result = folder.parent / f"{way}.json"
    words = [word for name in ("rounds", "dialogues", "tokens") for word in (f"--{name}", str(getattr(options, name)))]
    subprocess.run([sys.executable, __file__, "--card", str(card), "--output", str(result), *words], check=True)
    found: dict[str, list[float]] = json.loads(result.read_text())
    return found


def rehearse(options: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """Measure every way that can be measured here."""
    import torch

    folder = options.folder / options.shape
    if not (folder / "config.json").is_file():
        print(f"writing a random model of the shape {options.shape} to {folder}", flush=True)
        make_model(options.shape, folder)
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    print(f"{options.shape}, bfloat16, {name}, torch {torch.__version__}", flush=True)
    found = {}
    for way in options.ways:
        if way != "local" and importlib.util.find_spec("vllm") is None:
            print(f"{WAYS[way]}: left out, vLLM is not installed: pip install 'interplay-bench[vllm]'")
            continue
        print(f"{WAYS[way]}:", flush=True)
        if way == "served":
            with server(folder, options) as url:
                found[way] = run(way, folder, options, url)
        else:
            found[way] = run(way, folder, options)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="8b", help="tiny: to see that it runs")
    parser.add_argument("--folder", type=Path, default=Path("runs/gpu"), help="where the model goes (8b: 16 GB)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--dialogues", type=int, default=50, help="of each round")
    parser.add_argument("--rounds", type=int, default=3, help="that count; one goes before them")
    parser.add_argument("--tokens", type=int, default=48, help="of each reply")
    parser.add_argument("--vllm", metavar="TOML", default="", help="more options of vllm.LLM: 'enforce_eager = true'")
    parser.add_argument("--serve", nargs=argparse.REMAINDER, default=[], help="more words for vllm serve; the last")
    parser.add_argument("--output", type=Path, help="write the figures here, as JSON")
    parser.add_argument("--card", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.card is not None:
        options.output.write_text(json.dumps(measure(options.card, options)))
        return
    found = rehearse(options)
    rows = [[WAYS[way], *(f"{statistics.median(each):.1f}" for each in rates.values())] for way, rates in found.items()]
    print(tabulate(rows, ["way", "decisions a second", "replies a second"], tablefmt="github"))
    if options.output:
        options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
