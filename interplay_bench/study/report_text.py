"""A study's report as tables: text, markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from interplay_bench.reports.score_text import p_value
from interplay_bench.study.judge_report import Interval, JudgeReport
from interplay_bench.study.power import pairs_needed
from interplay_bench.study.study_report import AnnotatorReport, CriterionReport, RatingReport, StudyReport

DIFFERENCES = (0.55, 0.6, 0.65, 0.7, 0.8)
STYLES: Mapping[str, str] = {"text": "simple", "markdown": "pipe", "latex": "latex_booktabs"}
"""What a report can be written as, and what tabulate calls it."""


def report_text(report: StudyReport, judges: Sequence[JudgeReport] = (), style: str = "simple") -> str:
    """The criteria, the annotators, the sides, how many pairs which difference takes, and the judges."""
    heads = ["annotator", "answered", "agreement", "consistency", "controls failed", "seconds a page"]
    annotators = _table([_annotator(each) for each in report.annotators], heads, style)
    if report.ratings:
        ratings = _table(
            [_rating(each) for each in report.ratings], ["criterion", "N", "mean", "95%", "of", "alpha"], style
        )
        return "\n\n".join([f"Rated: {report.a}", ratings, annotators, "\n".join(_rating_notes())])
    sides = f"A: {report.a}\nB: {report.b}" if style == "simple" else f"A: {report.a}. B: {report.b}."
    criteria = _table(
        [_criterion(each) for each in report.criteria],
        ["criterion", "A", "tie", "B", "win ratio of A", "95% interval", "p", "p (Holm)", "", "alpha"],
        style,
    )
    judged = [judge_text(judges, style)] if judges else []
    return "\n\n".join([sides, criteria, annotators, "\n".join(_notes(report)), *judged])


def judge_text(judges: Sequence[JudgeReport], style: str = "simple") -> str:
    """What each judge says by each criterion, and how far it agrees with people."""
    said = _table(
        [_judge(each) for each in judges],
        ["judge", "criterion", "A", "tie", "B", "win ratio", "p", "chose first", "alike", "silent", "longer",
         "people longer", "own"],
        style,
    )  # fmt: skip
    agreed = [
        [each.judge, each.criterion, str(each.pairs), *map(_interval, (each.agreement, each.kappa, each.alpha))]
        for each in judges
        if each.pairs
    ]
    notes = (
        "Each pair was judged in both orders; where these disagree, it is a tie. p: exact sign test, not corrected.",
        "Chose first: 0.5 is no position bias. Alike: in both orders. Silent: prompts without an answer.",
        "Longer: the share of decided verdicts for the dialogue with more words, the judge's and the people's.",
        "Own: its win ratio for its own dialogues less the people's. Jury: the judges' majority.",
    )
    if not agreed:
        return "\n\n".join([said, "\n".join(notes)])
    agreement = _table(agreed, ["judge", "criterion", "pairs", "agreement", "kappa", "alpha"], style)
    note = "Agreement, Cohen's kappa, Krippendorff's alpha (nominal) with most of the people; intervals resample pairs."
    return "\n\n".join([said, agreement, "\n".join([*notes, note])])


def _notes(report: StudyReport) -> Sequence[str]:
    left = report.left
    assert left is not None
    sides = _number(left.value) + ("" if left.low is None else f" [{left.low:.3f}, {left.high:.3f}]")
    power = ", ".join(f"{ratio:.2f}: {pairs_needed(ratio) or 'over 2000'}" for ratio in DIFFERENCES)
    return (
        "Win ratio: of the answers that decide. p: exact sign test over pairs, by most of their annotators;",
        "* below 0.05 after Holm over the criteria, and the interval leaves out 0.5. Intervals resample annotators and",
        "pairs: at least three of each. Alpha: Krippendorff's, nominal.",
        "Agreement: with the others on the same pairs. Consistency: repeats answered alike. Seconds: the median.",
        f"The left side's share of what decides (0.5: no bias): {sides}.",
        f"Decided pairs for 80% power, by true win ratio: {power}.",
    )


def _rating_notes() -> Sequence[str]:
    return (
        "Mean: of all answers, 0 is the worst level; intervals resample dialogues. Alpha: Krippendorff's, ordinal.",
        "Agreement: the same level as the others on the same dialogues. Consistency: repeats answered alike.",
    )


def _table(rows: Sequence[Sequence[str]], heads: Sequence[str], style: str) -> str:
    from tabulate import tabulate

    return str(tabulate(rows, heads, tablefmt=style, disable_numparse=True))


def _criterion(each: CriterionReport) -> list[str]:
    found = each.preference
    bounds = "-" if found.low is None or found.high is None else f"[{found.low:.3f}, {found.high:.3f}]"
    star = "*" if each.significant else ""
    counts = [str(found.wins), str(found.ties), str(found.losses)]
    tests = [p_value(found.p), p_value(each.holm), star]
    return [each.name, *counts, _number(found.ratio), bounds, *tests, _number(each.alpha)]


def _rating(each: RatingReport) -> list[str]:
    mean = each.mean
    bounds = "-" if mean.low is None or mean.high is None else f"[{mean.low:.3f}, {mean.high:.3f}]"
    return [each.name, str(mean.n), _number(mean.value), bounds, f"0 to {each.levels - 1}", _number(each.alpha)]


def _annotator(each: AnnotatorReport) -> list[str]:
    answered, failed = f"{each.answered} of {each.asked}", f"{each.failed} of {each.controls}"
    seconds = "-" if each.seconds is None else f"{each.seconds:.0f}"
    return [each.name, answered, _number(each.agreement), _number(each.consistency), failed, seconds]


def _judge(each: JudgeReport) -> list[str]:
    found = each.preference
    counts = [str(found.wins), str(found.ties), str(found.losses), _number(found.ratio), p_value(found.p)]
    silent = "-" if each.silent is None else str(each.silent)
    length = [_number(each.longer), _number(each.people_longer)]
    own = "-" if each.own is None else f"{each.own:+.3f}"
    return [each.judge, each.criterion, *counts, _number(each.first), _number(each.alike), silent, *length, own]


def _interval(found: Interval) -> str:
    value, low, high = found
    return _number(value) if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
