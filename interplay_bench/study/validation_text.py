"""Agreement of evaluators with people as tables: one per part, level and statistic, published figures below ours."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from io import StringIO

from interplay_bench.study.rated.rated_set import RatedSet
from interplay_bench.study.validation import ALL, OVER, Agreement

TITLES = {
    ("spearman", ALL): "Spearman's rho over all",
    ("pearson", ALL): "Pearson's r over all",
    ("spearman", OVER): "Spearman's rho over the systems' means",
}
WITHIN = "Spearman's rho within systems: the mean over them"
NOTES = (
    ("In brackets: 95% intervals, resampling whole dialogues. Within: in brackets, of how many systems.", None),
    ("regression: MiniLM, cross-fitted by system. The other measures know nothing of the criterion.", "regression"),
    ("Published figures are as printed; they may be over other dialogues of the corpus than are here.", "regression"),
)
"""What stands below the tables, and the evaluator that it is about."""


def validation_text(rated: RatedSet, found: Sequence[Agreement], style: str = "simple") -> str:
    """All tables; ``style`` is one of tabulate's."""
    parts = sorted({each.part for each in found})
    sections = [_heading(rated)]
    for part in parts:
        own = [each for each in found if each.part == part]
        label = f"{rated.name}, {part}" if part else rated.name
        for (statistic, scope), title in TITLES.items():
            chosen = [each for each in own if (each.statistic, each.scope) == (statistic, scope)]
            if chosen and not (part and scope == OVER):
                published = [p for p in rated.published if p.part == part and scope == ALL]
                values = {
                    (p.evaluator, p.criterion): f"{p.spearman if statistic == 'spearman' else p.pearson:.3f}"
                    for p in published
                }
                sections.append(f"{label}: {title}\n\n{_table(rated, chosen, values, style)}")
        if not part and (within := _within(rated, own, style)):
            sections.append(f"{label}: {WITHIN}\n\n{within}")
    notes = [note for note, of in NOTES if of is None or of in {each.evaluator for each in found}]
    return "\n\n".join([*sections, "\n".join(notes)])


def validation_csv(found: Sequence[Agreement]) -> str:
    """One line per correlation, systems apart."""
    text = StringIO()
    writer = csv.DictWriter(text, list(Agreement.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(each) for each in found)
    return text.getvalue()


def _heading(rated: RatedSet) -> str:
    systems = len({each.system for each in rated.dialogues})
    counts = ", ".join(f"{each.name} {len(rated.items(each)):,}" for each in rated.criteria)
    return f"{rated.name}: {len(rated.dialogues):,} dialogues of {systems} systems. Scored: {counts}."


def _table(rated: RatedSet, chosen: Sequence[Agreement], published: dict[tuple[str, str], str], style: str) -> str:
    from tabulate import tabulate

    cells = {(each.evaluator, each.criterion): _cell(each) for each in chosen}
    names = list(dict.fromkeys(each.evaluator for each in chosen))
    rows = [[name, *(cells.get((name, c.key), "-") for c in rated.criteria)] for name in names]
    for name in dict.fromkeys(evaluator for evaluator, _ in published):
        rows.append([f"{name} (published)", *(published.get((name, c.key), "-") for c in rated.criteria)])
    return tabulate(rows, ["", *(c.name for c in rated.criteria)], tablefmt=style, disable_numparse=True)


def _within(rated: RatedSet, own: Sequence[Agreement], style: str) -> str:
    from tabulate import tabulate

    systems = {each.system for each in rated.dialogues}
    if len(systems) < 2:
        return ""
    inside = [each for each in own if each.statistic == "spearman" and each.scope in systems]
    rows = []
    for name in dict.fromkeys(each.evaluator for each in inside):
        row = [name]
        for criterion in rated.criteria:
            found = [e.value for e in inside if (e.evaluator, e.criterion) == (name, criterion.key)]
            known = [value for value in found if value is not None]
            row.append(f"{sum(known) / len(known):.3f} ({len(known)} of {len(found)})" if known else "-")
        rows.append(row)
    return tabulate(rows, ["", *(c.name for c in rated.criteria)], tablefmt=style, disable_numparse=True)


def _cell(each: Agreement) -> str:
    if each.value is None:
        return "-"
    bounds = "" if each.low is None else f" [{each.low:.2f}, {each.high:.2f}]"
    return f"{each.value:.3f}{bounds}"
