"""How the time of finding titles, looking for leaks and scrubbing grows with the text: it should double with it.

python benchmarks/titles.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tabulate import tabulate

from interplay_bench.datasets.load import load_dataset
from interplay_bench.dialogues.dialogue import Item
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.items.title_leak import leak, scrub

LENGTHS = (12_000, 24_000, 48_000)
UNITS = ('"Big Fish" ', "The Big Fish and ", "Inception ", "a plain word of no title ")
TARGET = Item("target", "Inception", 2010)


def milliseconds(work: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    work(text)
    return round(1000 * (time.process_time() - began), 1)


def main() -> None:
    titles = TitleIndex(load_dataset("sample").items)
    jobs: dict[str, Callable[[str], object]] = {
        "search": titles.search,
        "leak": lambda text: leak(TARGET, text),
        "scrub": lambda text: scrub(TARGET, text),
    }
    rows = [
        [name, unit, *(milliseconds(work, (unit * length)[:length]) for length in LENGTHS)]
        for name, work in jobs.items()
        for unit in UNITS
    ]
    print(tabulate(rows, ["ms", "text of", *LENGTHS]))


if __name__ == "__main__":
    main()
