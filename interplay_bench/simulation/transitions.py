"""Which action follows which: a conversation's shape, counted over a corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from interplay_bench.dialogues.dialogue import ACTIONS, Role
from interplay_bench.simulation.episode import Episode

START, END = "start", "end"
STATES = [f"{role} {action}" for role in Role for action in ACTIONS[role]]

Transitions = Mapping[str, Mapping[str, int]]


def transitions(episodes: Sequence[Episode]) -> dict[str, dict[str, int]]:
    """From each action ("user accept", or ``start``) to the next (or ``end``): how often. What never came is absent.

    The scripted opening counts as the start.
    """
    found: dict[str, Counter[str]] = {}
    for episode in episodes:
        path = [START, *(f"{turn.role} {turn.action}" for turn, _ in episode.spoken), END]
        for before, after in pairwise(path):
            found.setdefault(before, Counter())[after] += 1
    return {state: dict(sorted(found[state].items())) for state in [START, *STATES] if state in found}


def render_transitions(matrix: Transitions) -> str:
    """The matrix as a table: a row per action, its columns what came next, in percent of the row."""
    from tabulate import tabulate

    columns = [state for state in [*STATES, END] if any(state in row for row in matrix.values())]
    rows = []
    for state, row in matrix.items():
        total = sum(row.values())
        rows.append([state, *(f"{100 * row[c] / total:.0f}" if c in row else "" for c in columns), total])
    headers = ["from \\ to (%)", *(column.replace(" ", "\n") for column in columns), "n"]
    return tabulate(
        rows, headers, tablefmt="simple", disable_numparse=True, colalign=["left", *["right"] * (len(columns) + 1)]
    )
