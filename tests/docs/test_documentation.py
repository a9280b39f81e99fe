"""The documentation says what is there: every command in it parses and names what exists, the light ones are run, and
the site builds without a warning."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from interplay_bench.cli.commands import COMMANDS
from interplay_bench.cli.main import main, parser
from interplay_bench.datasets.dataset_entry import DATASETS
from interplay_bench.evaluation.task import TASKS
from interplay_bench.simulators.model_spec import find

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "configs/README.md", *(ROOT / "docs").rglob("*.md")]
)
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUN = "console run"
"""The info string of a block whose commands are run here, one after the other in an empty folder."""


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Info string and text of the code blocks of a page, the indented ones among them."""
    text = page.read_text(encoding="utf-8")
    yield from ((found[1].strip(), found[2]) for found in BLOCK.finditer(text))
    yield "", "\n".join(line[4:] for line in BLOCK.sub("", text).splitlines() if line.startswith("    "))


def commands(text: str) -> Iterator[list[str]]:
    """The words of each interplay-bench command in a block of shell."""
    for line in text.replace("\\\n", " ").splitlines():
        words = (
            shlex.split(line.removeprefix("$ "), comments=True) if "interplay" in line and "'" not in line[:1] else []
        )
        for number, word in enumerate(words):
            if word == "interplay-bench" or (word == "interplay_bench" and words[number - 1 : number] == ["-m"]):
                yield list(_until_the_next(words[number + 1 :]))
                if word == "interplay_bench":
                    break


def _until_the_next(words: list[str]) -> Iterator[str]:
    for word in words:
        if word in ("&&", "|", ";", ">", ">>"):
            return
        yield word


def shell(info: str) -> bool:
    return info in ("", "sh", "bash", "shell", "console", RUN)


def written() -> list[tuple[str, list[str]]]:
    return [
        (str(page.relative_to(ROOT)), words)
        for page in PAGES
        for info, text in blocks(page)
        if shell(info)
        for words in commands(text)
        if words and words[0] in COMMANDS and "..." not in words
    ]


def test_no_command_stands_where_it_is_not_looked_at() -> None:
    for page in PAGES:
        for info, text in blocks(page):
            unknown = [words for words in commands(text) if words and words[0] not in COMMANDS and words[0] != "--help"]
            assert not unknown or not shell(info), f"{page}: {unknown}"
            assert shell(info) or "interplay-bench run" not in text or info in ("python", "text"), f"{page}: ```{info}"


def test_the_documentation_has_commands() -> None:
    assert len(written()) > 50
    assert {words[0] for _, words in written()} >= {"run", "simulate", "train", "merge", "serve-check", "study"}


def test_a_model_that_is_asked_of_a_server_is_served_there() -> None:
    for text in (text for page in PAGES for _, text in blocks(page) if "vllm serve " in text):
        served = set(re.findall(r"--served-model-name (\S+)|vllm serve (?!.*--served)(\S+)", text))
        asked = set(re.findall(r"endpoint:(\S+)@http://localhost", text))
        assert asked <= {name for names in served for name in names}, text


@pytest.mark.parametrize("page", sorted({page for page, _ in written()}))
def test_every_command_parses_and_names_what_exists(page: str) -> None:
    for where, words in written():
        if where != page:
            continue
        shown = shlex.join(words)
        try:
            parsed = parser(words).parse_args(words)
        except SystemExit:
            pytest.fail(f"{page}: interplay-bench {shown}")
        own = bool(getattr(parsed, "plugin", None))
        for name in getattr(parsed, "task", None) or []:
            assert own or name in TASKS.all() or name.isupper(), shown
        for name in _models(parsed):
            if not own and not name.isupper() and not name.startswith(("hf:", "endpoint:")) and ".toml" not in name:
                find(name)
        dataset = getattr(parsed, "dataset", None)
        # Audits and validations also know labels without such dialogues.
        read = isinstance(dataset, str) and words[0] not in ("audit", "validate")
        assert own or not read or dataset in DATASETS.all(), shown


def _models(parsed: object) -> Iterator[str]:
    for option in ("model", "user", "recommender", "users", "recommenders"):
        given = getattr(parsed, option, None)
        for name in given.split(",") if isinstance(given, str) else given or []:
            if name != "*":
                yield name


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(info == RUN for info, _ in blocks(page))], ids=lambda page: page.stem
)
@pytest.mark.slow
def test_light_commands_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for info, text in blocks(page):
        for words in commands(text) if info == RUN else ():
            assert main(words) == 0, shlex.join(words)


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs is not installed: the extra docs")
@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    page = (tmp_path / "site/reference/commands/index.html").read_text()
    assert "--max-turns" in page
    assert "decision AUC" in (tmp_path / "site/reference/metrics/index.html").read_text()
