"""``interplay-bench study``: ask people, and models, which of two systems' dialogues are better."""

from __future__ import annotations

import argparse
import shlex
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from interplay_bench.cli import options
from interplay_bench.cli.printing import say
from interplay_bench.environment.errors import UsageError

if TYPE_CHECKING:
    from interplay_bench.engines.language_model import LanguageModel
    from interplay_bench.study.answer_store import AnswerStore


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare what can be done with a study."""
    parts = parser.add_subparsers(required=True, metavar="PART")
    new = parts.add_parser("new", help="plan a study: pairs of dialogues with the same persona, dealt to annotators")
    new.add_argument("a", metavar="A", help="a run's or a simulation's folder, a data set's name, or NAME=PATH")
    new.add_argument("b", metavar="B", nargs="?", help="what to compare it with, likewise; without B, A's are rated")
    new.add_argument("--output", metavar="FILE", type=Path, required=True, help="the plan, JSON; it holds secrets")
    new.add_argument("--pairs", metavar="N", type=int, default=50, help="pairs of dialogues, or dialogues (50)")
    new.add_argument("--annotators", metavar="N", type=int, default=10, help="who judge them (default: 10)")
    new.add_argument("--each", metavar="N", type=int, help="pairs that each annotator judges (default: all)")
    new.add_argument("--repeats", metavar="N", type=int, default=3, help="of these, shown again swapped (default: 3)")
    new.add_argument("--controls", metavar="N", type=int, default=2, help="dialogues beside themselves scrambled (2)")
    new.add_argument(
        "--criteria", metavar="FILE", type=Path, help="what to ask, TOML (default: the paper's six, or 7 scales)"
    )
    new.add_argument("--seed", metavar="S", type=options.seed, default=0, help="seed of the draw (default: 0)")
    options.add_plugin(new)
    new.set_defaults(execute=execute_new)
    serve = _part(parts, "serve", "let the annotators answer in their browsers; prints their secret links")
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8000, help="the port (default: %(default)s)")
    serve.add_argument("--public-url", metavar="URL", help="where annotators reach it, if behind a proxy (https://...)")
    serve.set_defaults(execute=execute_serve)
    report = _part(parts, "report", "who wins by which criterion, and whether the annotators can be believed")
    report.add_argument("--figure", metavar="FILE", type=Path, help="also draw it, .svg or .png")
    report.add_argument("--record", metavar="DIR", type=Path, help="also write what `publish` takes, into a new folder")
    _add_format(report)
    report.set_defaults(execute=execute_report)
    judged = _part(parts, "judge", "let language models answer too, each pair in both orders, beside the people")
    _add_judge(judged, "a card's name or path; may be given several times: a jury", required=True)
    judged.set_defaults(execute=execute_judge)
    export = _part(parts, "export", "write the answers to a file")
    export.add_argument("file", metavar="FILE", type=Path, help=".csv or .jsonl")
    export.add_argument("--comments", metavar="FILE", type=Path, help="write the annotators' comments, .csv")
    export.set_defaults(execute=execute_export)
    imported = _part(parts, "import", "read answers that were given elsewhere")
    imported.add_argument("file", metavar="FILE", type=Path, help=".csv or .jsonl, as export writes them")
    imported.set_defaults(execute=execute_import)
    what = "how far measures and judges agree with people's published scores of dialogues"
    validated = parts.add_parser("validate", help=what, description=what)
    validated.add_argument("corpus", metavar="CORPUS", help="crsarena-eval, ab-redial or uss")
    validated.add_argument("--data", metavar="DIR", type=Path, required=True, help="the corpus's folder")
    validated.add_argument("--limit", metavar="N", type=int, help="only N dialogues, drawn by --seed")
    validated.add_argument("--seed", metavar="S", type=options.seed, default=0, help="seed of draws and intervals (0)")
    validated.add_argument("--output", metavar="FILE", type=Path, help="also write every correlation, .csv")
    _add_judge(validated, "also a language model, by its card's name or path; several times: several", required=False)
    _add_format(validated)
    validated.set_defaults(execute=execute_validate)


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "markdown", "latex"), default="text", help="of the tables (text)")


def _add_judge(parser: argparse.ArgumentParser, what: str, *, required: bool) -> None:
    parser.add_argument("--model", metavar="M", action="append", default=[], required=required, help=what)
    parser.add_argument("--prompts", metavar="FILE", type=Path, help="what judges read, TOML (default: ours)")
    options.add_plugin(parser)


def _part(parts: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str) -> argparse.ArgumentParser:
    """What works on a plan and its answers."""
    part = parts.add_parser(name, help=what, description=what)
    part.add_argument("plan", metavar="PLAN", type=Path, help="the file that `study new` wrote")
    part.add_argument(
        "--answers", metavar="FILE", type=Path, help="the answers, SQLite (default: beside the plan, .sqlite)"
    )
    return part


def execute(parsed: argparse.Namespace) -> int:
    """Run the chosen part; each sets its own function."""
    raise NotImplementedError


def execute_new(parsed: argparse.Namespace) -> int:
    """Write the plan; an existing one, whose links may have been sent, stays."""
    from interplay_bench.plugins.plugin_file import load_plugin
    from interplay_bench.study.criteria import read_criteria
    from interplay_bench.study.dialogue_source import source_dialogues
    from interplay_bench.study.planning import Size, new_plan, new_rating_plan

    if parsed.output.exists():
        raise UsageError(f"{parsed.output} exists: give a new name by --output.")
    for plugin in parsed.plugin:
        load_plugin(plugin)
    size = Size(parsed.pairs, parsed.annotators, parsed.each, parsed.repeats, parsed.controls)
    criteria = read_criteria(parsed.criteria or ("criteria.toml" if parsed.b else "scales.toml"))
    a = source_dialogues(parsed.a)
    if parsed.b:
        b = source_dialogues(parsed.b)
        plan = new_plan((parsed.a, parsed.b), (a.dialogues, b.dialogues), criteria, size, parsed.seed)
        plan = replace(plan, a_models=a.models, b_models=b.models, synthetic=a.synthetic or b.synthetic)
    else:
        plan = replace(new_rating_plan(parsed.a, a.dialogues, criteria, size, parsed.seed), a_models=a.models)
    plan.write(parsed.output)
    pages = sum(len(each.showings) for each in plan.annotators)
    what = "pairs" if parsed.b else "dialogues"
    say(f"{parsed.output}: {size.pairs} {what}, {size.annotators} annotators, {pages} pages, {len(criteria)} criteria.")
    return 0


def execute_serve(parsed: argparse.Namespace) -> int:
    """Serve until it is interrupted."""
    from interplay_bench.environment.extras import require
    from interplay_bench.study.plan import read_plan

    uvicorn = require("uvicorn", "study")
    require("starlette", "study")
    require("python_multipart", "study")
    from interplay_bench.study.server import study_app

    plan = read_plan(parsed.plan)
    url = (parsed.public_url or f"http://{parsed.host}:{parsed.port}").rstrip("/")
    app = study_app(plan, _store(parsed), secure=url.startswith("https://"))
    for each in plan.annotators:
        say(f"{each.name}: {url}/join/{each.token}")
    # No access log: the links are secrets.
    uvicorn.run(app, host=parsed.host, port=parsed.port, log_level="warning", access_log=False)
    return 0


def execute_report(parsed: argparse.Namespace) -> int:
    """Print the tables; draw the figure where it is asked for."""
    from interplay_bench.study.judge_report import judge_reports
    from interplay_bench.study.plan import JUDGE, read_plan
    from interplay_bench.study.preference_plot import draw_preferences
    from interplay_bench.study.rating_agreement import rating_agreement
    from interplay_bench.study.report_text import STYLES, report_text
    from interplay_bench.study.study_record import write_study_record
    from interplay_bench.study.study_report import study_report
    from interplay_bench.study.validation_text import validation_text

    if parsed.figure and parsed.figure.suffix not in (".svg", ".png"):
        raise UsageError(f"--figure takes a name in .svg or .png, not {parsed.figure.name!r}.")
    plan, answers = read_plan(parsed.plan), _store(parsed, there=True).answers()
    if parsed.figure and plan.rates:
        raise UsageError("--figure draws who wins: this study rates dialogues alone.")
    report = study_report(plan, answers)
    judges = [] if plan.rates else judge_reports(plan, answers)
    say(report_text(report, judges, STYLES[parsed.format]))
    if plan.rates and any(answer.annotator.startswith(JUDGE) for answer in answers):
        say(validation_text(*rating_agreement(plan, answers), STYLES[parsed.format]))
    if parsed.figure:
        draw_preferences(report, parsed.figure)
    if parsed.record:
        command = shlex.join(["interplay-bench", "study", "report", str(parsed.plan), "--record", str(parsed.record)])
        write_study_record(parsed.record, plan, answers, report, command)
    return 0


def execute_judge(parsed: argparse.Namespace) -> int:
    """Let each model answer every page, keep its answers in place of its earlier ones, and print what judges say."""
    from interplay_bench.plugins.plugin_file import load_plugin
    from interplay_bench.study.judge import judge
    from interplay_bench.study.judge_prompts import read_prompts
    from interplay_bench.study.judge_report import judge_reports
    from interplay_bench.study.plan import JUDGE, read_plan
    from interplay_bench.study.rating_agreement import rating_agreement
    from interplay_bench.study.report_text import judge_text
    from interplay_bench.study.validation_text import validation_text

    for plugin in parsed.plugin:
        load_plugin(plugin)
    plan, prompts, store = read_plan(parsed.plan), read_prompts(parsed.prompts), _store(parsed)
    asked = sum(len(plan.questions(showing)) for showing in plan.judged)
    for model in parsed.model:
        card, engine = _engine(model)
        name = f"{JUDGE}{card}"
        with closing(engine):
            answers = judge(plan, engine, name, prompts)
        store.replace(name, answers)
        say(f"{name}: {len(answers)} answers to {asked} questions.")
    answers = store.answers()
    if not plan.rates:
        say(judge_text(judge_reports(plan, answers)))
    elif any(not answer.annotator.startswith(JUDGE) for answer in answers):
        say(validation_text(*rating_agreement(plan, answers)))
    return 0


def execute_validate(parsed: argparse.Namespace) -> int:
    """Print the correlations with people, of measures and of any models, beside what is published."""
    from contextlib import ExitStack

    from interplay_bench.environment.atomic_file import write_file
    from interplay_bench.plugins.plugin_file import load_plugin
    from interplay_bench.study.evaluators.regression import Regression
    from interplay_bench.study.evaluators.surface import SURFACE
    from interplay_bench.study.judge import ModelEvaluator
    from interplay_bench.study.judge_prompts import read_prompts
    from interplay_bench.study.rated.rated_set import RATED
    from interplay_bench.study.report_text import STYLES
    from interplay_bench.study.validation import validate
    from interplay_bench.study.validation_text import validation_csv, validation_text

    for plugin in parsed.plugin:
        load_plugin(plugin)
    rated = RATED.find(parsed.corpus)(parsed.data)
    if parsed.limit is not None:
        rated = rated.drawn(parsed.limit, parsed.seed)
    prompts = read_prompts(parsed.prompts)
    with ExitStack() as stack:
        engines = dict(map(_engine, parsed.model))
        models = {name: ModelEvaluator(stack.enter_context(closing(each)), prompts) for name, each in engines.items()}
        found = validate(rated, {**SURFACE, "regression": Regression(), **models}, parsed.seed)
    say(validation_text(rated, found, STYLES[parsed.format]))
    if parsed.output:
        write_file(parsed.output, validation_csv(found))
    return 0


def _engine(name: str) -> tuple[str, LanguageModel]:
    """The name of a card, and its language model."""
    from interplay_bench.simulators import model_spec
    from interplay_bench.simulators.card_engine import build_engine

    spec = model_spec.find(name)
    if not spec.card.engine:
        raise UsageError(f"{name} is no language model: it cannot judge.")
    return spec.card.name, build_engine(spec.card)


def execute_export(parsed: argparse.Namespace) -> int:
    """Write every answer, and every comment where that is asked for."""
    from interplay_bench.study.answer_files import write_answers, write_comments
    from interplay_bench.study.plan import read_plan

    plan, store = read_plan(parsed.plan), _store(parsed, there=True)
    answers = store.answers()
    write_answers(parsed.file, answers, plan)
    say(f"{parsed.file}: {len(answers)} answers.")
    if parsed.comments:
        comments = store.all_comments()
        write_comments(parsed.comments, comments, plan)
        say(f"{parsed.comments}: {len(comments)} comments.")
    return 0


def execute_import(parsed: argparse.Namespace) -> int:
    """Keep the answers of a file, all or none; they take the place of earlier answers to the same questions."""
    from interplay_bench.study.answer_files import read_answers
    from interplay_bench.study.plan import read_plan

    answers = read_answers(parsed.file, read_plan(parsed.plan))
    _store(parsed).save(answers)
    say(f"{len(answers)} answers from {parsed.file}.")
    return 0


def _store(parsed: argparse.Namespace, *, there: bool = False) -> AnswerStore:
    """The study's answers; where they must be ``there`` and are not, an error says how they come."""
    from interplay_bench.study.answer_store import AnswerStore

    path = _answers_path(parsed)
    if there and not path.is_file():
        raise UsageError(f"There are no answers at {path}: collect them by `study serve` or `study import`.")
    return AnswerStore(path)


def _answers_path(parsed: argparse.Namespace) -> Path:
    return Path(parsed.answers or parsed.plan.with_suffix(".sqlite"))
