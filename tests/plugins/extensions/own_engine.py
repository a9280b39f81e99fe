"""An engine of one's own: it takes the longest choice, and writes what it was told last, backwards."""

from dataclasses import dataclass

from interplay_bench import Choice, Generation, LanguageModel, engine


@dataclass(frozen=True)
class Options:
    """What a card's ``[engine]`` may set."""

    shout: bool = False


@engine("backwards", Options)
class Backwards(LanguageModel):
    """Writes backwards."""

    def __init__(self, options):
        self.options = options

    def choose(self, prompts, choices):
        return [Choice(max(range(len(choices)), key=lambda i: len(choices[i]))) for _ in prompts]

    def identity(self):
        return {"shout": self.options.shout}

    def generate(self, prompts, sampling):
        texts = [prompt.messages[-1].content[::-1] for prompt in prompts]
        return [Generation(text.upper() if self.options.shout else text) for text in texts]
