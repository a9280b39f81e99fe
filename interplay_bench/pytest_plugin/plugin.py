"""What pytest calls: options, collection, the summary. Nothing heavy is imported until a model is named."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interplay_bench.cli import options
from interplay_bench.environment.errors import InterplayError
from interplay_bench.environment.terminal import printable
from interplay_bench.pytest_plugin.fixture import interplay

if TYPE_CHECKING:
    from interplay_bench.pytest_plugin.suite import Suite

__all__ = ["interplay"]

OPTIONS = (
    options.Option(
        "model",
        {"metavar": "M", "action": "append", "default": [], "help": "a model to put through the tasks; repeatable"},
    ),
    *options.dataset_options(),
    *options.SETTINGS,
    *options.PLUGIN,
    options.Option("gates", {"metavar": "FILE", "type": Path, "help": "TOML file of bounds that scores must keep"}),
    *options.output_options("the folder that gets a run directory per cell"),
)
SUITE: pytest.StashKey[Suite] = pytest.StashKey()
MISSED: pytest.StashKey[list[str]] = pytest.StashKey()
"""The tasks whose gates were held against no run."""
IDLE: pytest.StashKey[bool] = pytest.StashKey()
"""Set when a task's file was met, but no model was named."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the command line's options under ``--interplay-``."""
    group = parser.getgroup("interplay", "interplay-bench")
    for option in OPTIONS:
        option.declare(group.addoption, "interplay")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Look up every name that was given, so that a misspelt one ends the session before any work."""
    asked = session.config.option
    if not (asked.interplay_model or asked.interplay_plugin or asked.interplay_gates):
        return
    from interplay_bench.pytest_plugin.suite import Suite

    try:
        session.config.stash[SUITE] = Suite.asked_for(asked)
    except InterplayError as error:
        raise pytest.UsageError(printable(str(error))) from None


@pytest.hookimpl(tryfirst=True)
def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Dir | None:
    """Keep pytest from importing our folder of tasks as a package of tests."""
    from interplay_bench.pytest_plugin.items import shipped

    return pytest.Dir.from_parent(parent, path=path) if path in (shipped(), shipped().parent) else None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Turn a task's file into its cells. The registry has imported it: pytest must not do so again, by path."""
    found = yield
    if file_path.suffix != ".py":
        return found
    from interplay_bench.pytest_plugin.items import TaskFile, node_id, shipped

    suite = parent.config.stash.get(SUITE, None)
    tasks = suite.files.get(file_path.resolve(), ()) if suite else ()
    if not tasks and file_path.parent != shipped():
        return found
    if suite is None or not suite.models:
        parent.config.stash[IDLE] = True
    name = node_id(file_path, parent.config.rootpath)
    return [TaskFile.from_parent(parent, path=file_path, nodeid=name, suite=suite, tasks=tasks)]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a session that was given gates and did not hold every one of them against a run."""
    suite = session.config.stash.get(SUITE, None)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    workers = hasattr(session.config, "workerinput")  # of xdist: their reports come together in the first process
    if suite is None or reporter is None or workers or session.config.option.collectonly:
        return
    from interplay_bench.pytest_plugin.summary import missed_gates

    session.config.stash[MISSED] = missed = missed_gates(reporter, suite)
    if missed and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables, or say why there are none."""
    stash = terminalreporter.config.stash
    if stash.get(IDLE, False):
        terminalreporter.write_line("interplay-bench: tasks are run with a model only, such as --interplay-model M.")
    elif SUITE in stash:
        from interplay_bench.pytest_plugin.summary import summarize

        summarize(terminalreporter, stash[SUITE])
        for task in stash.get(MISSED, ()):
            terminalreporter.write_line(
                f"interplay-bench: the gates of {task} were held against no run. Name its file, or --pyargs "
                "interplay_bench.tasks, and a model that can take it; or leave them out of the gates file.",
                red=True,
            )
