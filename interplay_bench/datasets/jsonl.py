"""Plain data as JSON lines, or a JSON array; for the schema see :mod:`interplay_bench.datasets.plain.record`."""

from __future__ import annotations

from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.datasets.plain import OPTIONS
from interplay_bench.datasets.reading import array_or_rows, locate
from interplay_bench.dialogues.dialogue_set import DialogueSet, Source


@dataset("jsonl", options=OPTIONS)
def load(source: Source) -> DialogueSet:
    """Your own: a dialogue a line, with role and text by turn, ChatML or ShareGPT (--data FILE, or folder)."""
    from interplay_bench.datasets.plain.plain_set import plain_set  # brings pydantic, which `list` goes without

    path = locate("plain data", source, (f"{source.split}.jsonl", f"{source.split}.json"))
    rows = ((f"line {number} of {path}", row) for number, row in array_or_rows(path))
    return plain_set("jsonl", source, rows, path, path.parent)
