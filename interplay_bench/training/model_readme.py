"""The README of a trained checkpoint: what it is, what it was made from, and the command that makes it again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interplay_bench.environment.atomic_file import write_file
from interplay_bench.environment.markdown_text import cell, code, escaped, flattened

_PLAIN = """\
In plain transformers and peft (where the base is an adapter too, it is laid over its own base in the same way first):

    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    model = AutoModelForCausalLM.from_pretrained(BASE)
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer))
    model = PeftModel.from_pretrained(model, FOLDER).merge_and_unload()
    model.generation_config = GenerationConfig.from_pretrained(FOLDER)  # a text ends at </response>

"""


def write_readme(record: Mapping[str, Any], folder: Path) -> None:
    """Write ``README.md`` from the record of a training."""
    recipe = record["recipe"]
    rows = {key: value for key, value in recipe.items() if value is not None}
    loss = "none was taken" if record["validation_loss"] is None else f"{record['validation_loss']:.4f}"
    learnt = "low-rank updates and the rows of new tokens" if recipe["method"] == "lora" else "all weights"
    task = "user_multiturn" if recipe["role"] == "user" else "recommender"
    facts = {
        "steps": f"{record['steps']} of {record['planned_steps']} (the weights are those after step "
        f"{record['best_step']})",
        "held-out loss": f"{loss} nats per supervised token",
        "tokens": f"{record['tokens']:,}, of which supervised {record['supervised_tokens']:,}",
        "time": f"{record['seconds'] / 60:.1f} minutes on {record['machine']}",
        "seed": record["seed"],
    }
    text = f"""\
---
base_model: {recipe["base"]}
library_name: {"peft" if recipe["method"] == "lora" else "transformers"}
tags: [conversational-recommendation, user-simulation, interplay-bench]
---
# {escaped(str(record["card"]))}

A simulator of the {recipe["role"]} in conversational recommendation: {code(str(recipe["base"]))}, fine-tuned on that
side's turns with a role-masked loss ({learnt}).
It reads a persona and the turns so far in the markup of interplay-bench and writes the next turn.
It was never told the target.

    interplay-bench run --task {task} --model {record["card"]} --set engine.model=FOLDER

{_PLAIN if recipe["method"] == "lora" else ""}Made by

    {flattened(record["command"] or "(by the library, not by a command)")}

{_table("fact", facts)}

## Data
{_table("data set", {name: code(str(mark)) for name, mark in record["data"].items()})}

{_table("examples", record["account"])}

## Recipe
{_table("option", {key: code(str(value)) for key, value in rows.items()})}

## Versions
{_table("package", record["versions"])}

![losses](losses.png)
"""
    write_file(folder / "README.md", text)


def _table(title: str, rows: Mapping[str, Any]) -> str:
    lines = [
        f"| {title} | |",
        "|---|---|",
        *(f"| {escaped(str(key))} | {cell(str(value))} |" for key, value in rows.items()),
    ]
    return "\n".join(lines)
