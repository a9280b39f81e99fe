"""Every user with every recommender: the matrix of runs, as tables and a heat map, and what knowing the target does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from pathlib import Path

from interplay_bench.environment.atomic_file import is_draft, write_file
from interplay_bench.environment.errors import RunError, UsageError
from interplay_bench.environment.figure_file import save_figure
from interplay_bench.environment.markdown_text import cell
from interplay_bench.environment.paths import safe_name
from interplay_bench.environment.progress import Progress, silent
from interplay_bench.environment.secrets import without_secrets
from interplay_bench.evaluation.run import RECORD, Run
from interplay_bench.evaluation.run_comparison import Difference, compare
from interplay_bench.evaluation.run_directory import fresh
from interplay_bench.evaluation.run_loop import ERRORS, resumable
from interplay_bench.evaluation.settings import ENGINE, engine_options
from interplay_bench.metrics.paired_tests import Comparison
from interplay_bench.reports.score_text import bounds, data_heading, number, p_value, value
from interplay_bench.simulation.data_card import write_data_card
from interplay_bench.simulation.discrimination import ACCEPTANCE, discrimination
from interplay_bench.simulation.simulate import simulate
from interplay_bench.simulation.simulation_request import SimulationRequest
from interplay_bench.simulators import model_spec as models
from interplay_bench.simulators.model_spec import Model

Matrix = Mapping[tuple[str, str], Run]
SHOWN = ("acceptance", "turns to acceptance", "recommendations", "repeated", "agreement", "Match Score", "cut off",
         "user Dist-4", "recommender Dist-4")  # fmt: skip
HEATED = ("acceptance", "turns to acceptance", "agreement", "user Dist-4")
REPORT, PICTURE = "crossplay.md", "crossplay.png"


def crossplay(
    users: Sequence[str],
    recommenders: Sequence[str],
    request: SimulationRequest,
    output: Path | None = None,
    *,
    resume: bool = False,
    progress: Progress = silent,
) -> tuple[Path, str]:
    """Simulate every pair, each into a folder of its own; returns the directory and the report.

    ``request`` says everything but the names. Each model is loaded once and stays loaded.
    """
    for names in (users, recommenders):
        if not names or len(set(names)) < len(names):
            raise UsageError("--users and --recommenders each name one model or more, none twice: A,B.")
    if output is None and resume:
        raise UsageError("--resume needs --output: the directory of the matrix to go on with.")
    pairs = [(user, recommender) for user in users for recommender in recommenders]
    requests = _requests(request, pairs)
    for one in requests.values():
        one.models()
    folder = output or fresh("crossplay")
    _check(folder, {_cell(*pair) for pair in pairs}, resume)
    with resumable(folder):
        matrix = _play(requests, folder, resume, progress)
    text = report(matrix)
    write_file(folder / REPORT, text + "\n")
    draw(matrix, folder / PICTURE)
    return folder, text


def _check(folder: Path, cells: Set[str], resume: bool) -> None:
    """Raise where there is something else in the directory, whose report would be lost."""
    if not folder.exists():
        return
    if not folder.is_dir() or (folder / RECORD).exists():
        raise RunError(f"{folder} is no directory of a matrix. Choose another --output.")
    there = {path.name for path in folder.iterdir() if not is_draft(path)} - {REPORT, PICTURE, ERRORS}
    if any(folder.iterdir()) and not resume:
        raise RunError(f"{folder} is not empty. Add --resume to go on with its matrix, or choose another --output.")
    if there - cells:
        others = ", ".join(sorted(there - cells))
        raise RunError(f"{folder} holds more than this matrix ({others}): name all its models, or another --output.")


def _requests(request: SimulationRequest, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], SimulationRequest]:
    """One for each pair, with those of the engines' options that one of the two takes."""
    own = {key: value for key, value in request.settings.items() if not key.startswith(ENGINE)}
    shares = models.shares([name for pair in pairs for name in pair], engine_options(dict(request.settings)))
    requests = {}
    for user, recommender in pairs:
        engine = {f"{ENGINE}{key}": value for key, value in {**shares[user], **shares[recommender]}.items()}
        requests[user, recommender] = replace(request, user=user, recommender=recommender, settings={**own, **engine})
    return requests


def _play(
    requests: Mapping[tuple[str, str], SimulationRequest], folder: Path, resume: bool, progress: Progress
) -> dict[tuple[str, str], Run]:
    built: dict[str, Model] = {}
    matrix: dict[tuple[str, str], Run] = {}
    try:
        for (user, recommender), one in requests.items():
            named_user, named_recommender = one.models()
            for named in (named_user, named_recommender):
                if named.name not in built:
                    built[named.name] = named.build(one.seed)
            cell = folder / _cell(user, recommender)
            known = cell.exists() and resume
            run = simulate(one, cell, resume=known, progress=progress, models=(built[user], built[recommender]))
            write_data_card(run)
            matrix[without_secrets(user), without_secrets(recommender)] = run
    finally:
        for model in built.values():
            model.adapter.close()
    return matrix


def report(matrix: Matrix) -> str:
    """A table per metric, users down and recommenders across, and the told users beside the others."""
    tables = [f"## {metric}\n\n{_table(matrix, partial(_value, metric))}" for metric in SHOWN]
    ended = f"## How they ended\n\n{_table(matrix, _ends)}"
    return "\n\n".join([f"# {_title(matrix)}", *tables, ended, *_discriminating(matrix), *_knowing(matrix)])


def _table(matrix: Matrix, shown: Callable[[Run], str]) -> str:
    users, recommenders = _axes(matrix)
    rows = [[_user(matrix, user), *(shown(matrix[user, other]) for other in recommenders)] for user in users]
    return _grid(rows, ["user \\ recommender", *recommenders])


def _grid(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    """A table in Markdown; a bar within a cell is no border."""
    from tabulate import tabulate

    headers, *cells = [[cell(text) for text in row] for row in (headers, *rows)]
    return tabulate(cells, headers, tablefmt="github", disable_numparse=True)


def _value(metric: str, run: Run) -> str:
    return value(run.scores.get(metric))


def _ends(run: Run) -> str:
    return ", ".join(f"{name} {count}" for name, count in run.ledger.outcomes.items())


def _discriminating(matrix: Matrix) -> list[str]:
    """For each user, what a recommender gains that is told the target."""
    users, recommenders = _axes(matrix)
    told = [name for name in recommenders if _told(matrix, name)]
    rows = []
    for user in users:
        for informed in told:
            for ignorant in (name for name in recommenders if name not in told):
                pair = matrix[user, informed], matrix[user, ignorant]
                gained = _effect(discrimination(*pair))
                rows.append([user, informed, ignorant, *(_value(ACCEPTANCE, run) for run in pair), gained])
    if not rows:
        return []
    headers = ["user", "told", "not told", "acceptance, told", "not told", "discrimination"]
    text = "Acceptance from a recommender that is told the target minus that from one that is not, persona by persona."
    table = _grid(rows, headers)
    return [f"## Discrimination\n\n{text}\n\n{table}"]


def _effect(found: Comparison | None) -> str:
    """A difference with its interval, or a dash."""
    return number(None) if found is None else f"{number(found.effect)} {bounds(found.effect, found.low, found.high)}"


def _knowing(matrix: Matrix) -> list[str]:
    """For each recommender and each pair of a told and an untold user: the two side by side."""
    users, recommenders = _axes(matrix)
    told = [user for user in users if _told(matrix, user)]
    free = [user for user in users if user not in told]
    if not told or not free:
        return []
    parts = [
        "## What knowing the target does",
        "Differences are the told user's minus the other's over the pairs that have both: persona by persona, and turn "
        "by turn for Dist-4, so that both have said equally much. They need not be those of the two columns.",
    ]
    for recommender in recommenders:
        for informed in told:
            for ignorant in free:
                a, b = matrix[ignorant, recommender], matrix[informed, recommender]
                parts.append(f"### {informed} (told the target) against {ignorant}, with {recommender}")
                parts.append(_beside(a, b, compare(a, b)))
    return parts


def _beside(a: Run, b: Run, differences: Mapping[str, Difference]) -> str:
    rows = []
    for name in (*SHOWN, "specificity-2", "similarity", "target accepted"):
        both = _value(name, a), _value(name, b)
        rows.append([name, *both, *(_tested(differences[name]) if name in differences else ("", "", ""))])
    headers = ["metric", "not told", "told", "difference", "p (Holm)", "pairs"]
    return _grid(rows, headers)


def _tested(difference: Difference) -> tuple[str, str, str]:
    """The difference, its p value, and over how many pairs."""
    p, found = difference.holm, difference.found
    unknown = "too few users" if found.too_few else ""
    shown = unknown if p is None else p_value(p)
    return f"{found.effect:+.4f}", shown, str(found.n)


def draw(matrix: Matrix, path: Path) -> None:
    """A heat map per metric; each has a colour scale of its own."""
    from matplotlib.figure import Figure

    users, recommenders = _axes(matrix)
    size = (3.2 + 1.1 * len(recommenders)) * 2, (1.6 + 0.5 * len(users)) * 2
    figure = Figure(figsize=size, layout="constrained")
    for axes, metric in zip(figure.subplots(2, 2).flat, HEATED, strict=True):
        scores = [[matrix[user, recommender].scores.get(metric) for recommender in recommenders] for user in users]
        cells = [[float("nan") if s is None or s.value is None else s.value for s in row] for row in scores]
        image = axes.imshow(cells, cmap="viridis", aspect="auto")
        axes.set_title(metric, fontsize=10)
        axes.set_xticks(range(len(recommenders)), recommenders, fontsize=8, rotation=20, ha="right")
        axes.set_yticks(range(len(users)), [_user(matrix, user) for user in users], fontsize=8)
        for row, values in enumerate(cells):
            for column, share in enumerate(values):
                shown = "–" if share != share else f"{share:.2f}"
                light = share == share and image.norm(share) < 0.6
                axes.text(column, row, shown, ha="center", va="center", color="white" if light else "black", fontsize=9)
    figure.suptitle(_title(matrix), fontsize=11)
    save_figure(figure, path)


def _title(matrix: Matrix) -> str:
    first = next(iter(matrix.values())).record.dataset
    return f"Crossplay on {data_heading(first)}: {first.dialogues} dialogues a pair"


def _axes(matrix: Matrix) -> tuple[list[str], list[str]]:
    return list(dict.fromkeys(user for user, _ in matrix)), list(dict.fromkeys(name for _, name in matrix))


def _told(matrix: Matrix, model: str) -> bool:
    """Whether a user or a recommender is told the target."""
    return any(
        side is not None and side.knows_target
        for (user, recommender), run in matrix.items()
        for name, side in ((user, run.record.model), (recommender, run.record.recommender))
        if name == model
    )


def _user(matrix: Matrix, user: str) -> str:
    return f"{user} (told)" if _told(matrix, user) else user


def _cell(user: str, recommender: str) -> str:
    """A pair's folder."""
    return safe_name(f"{user}--{recommender}")
