"""The commands: one line and two examples each. A command's own module is imported when it is asked for."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """What ``--help`` says of a command; ``examples`` without the program's name."""

    help: str
    examples: tuple[str, str]


COMMANDS = {
    "run": Command("evaluate models on tasks", (
        "run --task user_multiturn --model usersim-smollm2 --limit 20",
        "run --task user_multiturn,user_singleturn --model smollm2,hf:my-checkpoint --controls -o suite",
    )),
    "merge": Command("put the shards of a run together", (
        "merge part1 part2 part3 --output whole",
        "merge parts/*",
    )),
    "train": Command("fine-tune a simulator on one role's turns", (
        "train usersim-qwen8b --data pearl=PATH --dry-run",
        "train usersim-smollm2 --set dataset=sample --set epochs=1",
    )),
    "simulate": Command("let a user and a recommender talk, and keep their dialogues", (
        "simulate --user usersim-smollm2 --recommender recsim-smollm2 --limit 5",
        "simulate --user accept-at:3 --recommender popularity --export chatml",
    )),
    "crossplay": Command("simulate every pair of users and recommenders, as tables and a heat map", (
        "crossplay --users accept-at:3,oracle --recommenders popularity,random-item",
        "crossplay --users smollm2,usersim-smollm2 --recommenders recsim-smollm2 --limit 10 -o matrix",
    )),
    "table": Command("show runs side by side, a row each", (
        "table runs/sample-user_multiturn-smollm2-001 runs/sample-user_multiturn-oracle-001",
        "table suite --all --format markdown",
    )),
    "compare": Command("compare two runs over the same dialogues, pair by pair", (
        "compare runs/sample-user_multiturn-smollm2-001 runs/sample-user_multiturn-usersim-smollm2-001",
        "compare RUN_A RUN_B --json",
    )),
    "show": Command("show a run's dialogues: turns, actions, decisions; or write them as a page", (
        "show runs/sample-user_multiturn-smollm2-001 --outcome failure --limit 3",
        "show runs/sample-user_multiturn-smollm2-001 --html dialogues.html",
    )),
    "study": Command("ask people which of two systems' dialogues are better, and report what they say", (
        "study new RUN_A RUN_B --output plan.json --pairs 50",
        "study report plan.json --figure preference.svg",
    )),
    "list": Command("list tasks, models, data sets and metrics", (
        "list",
        "list tasks",
    )),
    "card": Command("write the card of hf:FOLDER-OR-ID or endpoint:NAME@URL, to keep and change", (
        "card hf:Qwen/Qwen3-8B -o qwen.toml",
        "card endpoint:Qwen/Qwen3-8B@http://localhost:8000/v1",
    )),
    "serve-check": Command("ask a server everything that a run relies on, and print the card to use", (
        "serve-check http://localhost:8000/v1",
        "serve-check http://localhost:8000/v1 --model usersim --role user",
    )),
    "audit": Command("check labels and prompts", (
        "audit leaks --model smollm2",
        "audit labels --dataset inspired --data PATH",
    )),
    "validate": Command("say what each number is worth, on data that has people's labels", (
        "validate --dataset redial --data PATH",
        "validate --dataset sgd-goal --data PATH --runs RUN_A RUN_B --output validity",
    )),
    "check-data": Command("show what is understood of dialogues, guessed and dropped", (
        "check-data dialogues.jsonl",
        "check-data dialogues.jsonl --catalog items.csv",
    )),
    "publish": Command("copy finished runs' records (not their texts) into the leaderboard", (
        "publish runs/sample-user_multiturn-smollm2-001",
        "publish runs/* --results leaderboard/results",
    )),
    "leaderboard": Command("render the published records and the paper's numbers as tables", (
        "leaderboard --check",
        "leaderboard init --title 'Simulators of our lab'",
    )),
}  # fmt: skip
"""In the order in which they are listed."""


def chosen(words: Sequence[str]) -> str | None:
    """The command that was typed, if there is one of that name."""
    return next((word for word in words if not word.startswith("-")), None)


def add_command(commands: Any, name: str, *, whole: bool) -> None:
    """Declare a command; its options only where it is the one that was typed (``whole``)."""
    command = COMMANDS[name]
    examples = "\n".join(f"  interplay-bench {example}" for example in command.examples)
    sub = commands.add_parser(
        name, help=command.help, description=command.help, epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    if whole:
        module = importlib.import_module(f"interplay_bench.cli.{name.replace('-', '_')}_command")
        module.configure(sub)
        sub.set_defaults(execute=module.execute, command=name)
