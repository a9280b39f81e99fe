"""``interplay-bench card``: the card of a model that has none, to keep and change."""

from __future__ import annotations

import argparse
from pathlib import Path

from interplay_bench.cli.printing import say
from interplay_bench.environment.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("model", metavar="MODEL", help="hf:FOLDER, hf:OWNER/NAME[@REVISION] or endpoint:NAME@URL")
    parser.add_argument("--role", choices=("user", "recommender"), help="whose turns it was trained on, if on one's")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="where to write it (default: print it)")


def execute(parsed: argparse.Namespace) -> int:
    """Print or write the card."""
    from interplay_bench.dialogues.dialogue import Role
    from interplay_bench.environment.atomic_file import write_file
    from interplay_bench.simulators.bare_model import bare_card, card_text, is_bare

    if not is_bare(parsed.model):
        raise UsageError(f"{parsed.model!r} is no hf:FOLDER, hf:OWNER/NAME or endpoint:NAME@URL.")
    text = card_text(bare_card(parsed.model, Role(parsed.role) if parsed.role else None))
    if parsed.output is None:
        say(text, end="")
        return 0
    if parsed.output.suffix != ".toml":
        raise UsageError(f"A card's name ends in .toml, which {parsed.output} does not.")
    if parsed.output.exists():
        raise UsageError(f"{parsed.output} exists: remove it, or choose another --output.")
    write_file(parsed.output, text)
    say(f"Wrote {parsed.output}: interplay-bench run --task TASK --model {parsed.output}")
    return 0
