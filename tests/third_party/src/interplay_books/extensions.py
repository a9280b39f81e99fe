"""A metric, a data set, an engine and an export, as an installed package brings them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interplay_bench import (
    Choice,
    DialogueSet,
    Episode,
    Generation,
    LanguageModel,
    Rate,
    Sample,
    Sampling,
    Source,
    dataset,
    engine,
    export_format,
    load_dataset,
    metric,
)


@metric("book_count", "long names", Rate())
def long_names(samples: Sequence[Sample]) -> Mapping[tuple[int, int], bool]:
    """The dialogue's name has more than two letters."""
    return {(i, 0): len(sample.dialogue) > 2 for i, sample in enumerate(samples)}


@dataset("shelf", splits=("test",))
def shelf(source: Source) -> DialogueSet:
    """The sample under another name."""
    return load_dataset("sample", None, source.split)


@dataclass(frozen=True)
class Options:
    """None."""


@engine("mumble", Options)
class Mumble(LanguageModel):
    """Says nothing that is understood."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def choose(self, prompts: Sequence[Any], choices: Sequence[str]) -> list[Any]:
        """The first."""
        return [Choice(0) for _ in prompts]

    def generate(self, prompts: Sequence[Any], sampling: Sampling) -> list[Any]:
        """Mumble."""
        return [Generation("mmh") for _ in prompts]

    def identity(self) -> Mapping[str, object]:
        """It never changes."""
        return {"mumble": 1}


@export_format("ends")
def ends(episode: Episode) -> dict[str, Any]:
    """How each dialogue ended."""
    return {"id": episode.dialogue.id, "end": str(episode.end)}
