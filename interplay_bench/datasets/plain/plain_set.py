"""A whole file of plain data as a data set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from interplay_bench.datasets.plain.catalog_file import find_catalog, read_catalog
from interplay_bench.datasets.plain.forms import plain_form
from interplay_bench.datasets.plain.plain_dialogue import PlainItems, plain_dialogue
from interplay_bench.datasets.plain.record import PlainDialogue, read_record, unknown_fields
from interplay_bench.datasets.reading import Row, UniqueIds, need_rows
from interplay_bench.dialogues.dialogue import Dialogue
from interplay_bench.dialogues.dialogue_set import DialogueSet, Preprocessing, Source
from interplay_bench.environment.errors import DataError, UsageError

DOMAIN = "item"
"""What the items are where nobody says it."""


def plain_set(
    name: str, source: Source, rows: Iterable[tuple[str, Row]], file: object, beside: Path | None
) -> DialogueSet:
    """The data set ``name`` of ``rows``, each with where it stands in ``file``; a catalogue may lie ``beside`` it."""
    domain = source.options.get("domain", DOMAIN)
    _check_domain(domain, "--domain")
    report = Preprocessing()
    catalog = find_catalog(source.options.get("catalog"), beside)
    items = PlainItems(read_catalog(catalog, domain) if catalog else (), report.repairs)
    records: list[tuple[PlainDialogue, str]] = []
    for where, row in rows:
        record = read_record(plain_form(row, where, report.repairs), where)
        for field in sorted(unknown_fields(record)):
            report.repairs[f"unknown field {field!r}: not read"] += 1
        own = domain if record.domain is None else record.domain
        _check_domain(own, f"'domain' in {where}")
        items.learn(record, own)
        records.append((record, own))
    report.rows = len(records)
    need_rows(report.rows, file)
    items.index()
    unique = UniqueIds(report.repairs)
    dialogues: list[Dialogue] = []
    for number, (record, own) in enumerate(records, start=1):
        if not any(turn.text.strip() for turn in record.turns):
            report.dropped["no turn with text"] += 1
            continue
        name_of = unique(str(number if record.id is None else record.id))
        guesses: Counter[str] = Counter()
        dialogues.append(plain_dialogue(record, name_of, items, own, guesses))
        report.by_dialogue[name_of] = +guesses
        report.repairs.update(+guesses)
    others = tuple(item for item in items.all if item not in items.used)
    return DialogueSet(name, source.split, tuple(dialogues), tuple(items.used), report, others=others)


def _check_domain(domain: str, what: str) -> None:
    """A domain is a part of the markup's tokens: ``<music_title>``."""
    if re.fullmatch(r"\w{1,40}", domain) is None:
        problem = f"{what} is {domain!r}: one word of letters, digits and _ is needed, such as music."
        raise UsageError(problem) if what.startswith("--") else DataError(problem)
