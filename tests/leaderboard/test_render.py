"""The files as such: reproducible, checked, safe, light."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interplay_bench.cli.main import main

if TYPE_CHECKING:
    from tests.leaderboard.conftest import Shelf

ROOT = Path(__file__).parents[2]
FILES = ("README.md", "tables.tex", "index.html", "picture.svg", "leaderboard.json")
HOSTILE = "</script><img src=x onerror=alert(1)> | `a` *b* _c_ [d](http://e) {f} \\g & $h% ^~#é漢\n\"'"


def test_what_was_deleted_is_restored_byte_for_byte(shelf: Shelf) -> None:
    shelf.add("mine", shelf.multiturn(90, 5))
    shelf.render()
    before = {name: (shelf.root / "leaderboard" / name).read_bytes() for name in FILES}
    assert all(text.endswith(b"\n") and b"\r" not in text for text in before.values())
    for name in FILES:
        (shelf.root / "leaderboard" / name).unlink()
    assert main(["leaderboard", "--check"]) == 1
    shelf.render()
    assert before == {name: (shelf.root / "leaderboard" / name).read_bytes() for name in FILES}
    assert main(["leaderboard", "--check"]) == 0


def test_the_order_of_publishing_changes_nothing(shelf: Shelf) -> None:
    texts = []
    for order in ((0, 1, 2), (2, 0, 1)):
        for path in shelf.results.iterdir():
            path.unlink()
        for k in order:
            shelf.add(f"model-{k}", shelf.multiturn(50, k))
        shelf.render()
        texts.append([shelf.text(name) for name in FILES])
    assert texts[0] == texts[1]


@pytest.mark.parametrize(("old", "new"), [('"value": 0.9,', '"value": 0.8,'), ('"success": 90', '"success": 91')])
def test_one_changed_digit_in_a_record_is_shown(
    shelf: Shelf, capsys: pytest.CaptureFixture[str], old: str, new: str
) -> None:
    record = shelf.add("mine", shelf.multiturn(90, 5), ledger={"dialogues": 100, "outcomes": {}, "counts": {}})
    record.write_text(record.read_text().replace('"done": 100', '"done": 10, "success": 90'))
    shelf.render()
    assert record.read_text().count(old) == 1
    record.write_text(record.read_text().replace(old, new))
    capsys.readouterr()
    assert main(["leaderboard", "--check"]) == 1
    diff = capsys.readouterr().out
    removed = [line for line in diff.splitlines() if line.startswith("-")]
    added = [line for line in diff.splitlines() if line.startswith("+")]
    assert any(old.strip(",") in line for line in removed)
    assert any(new.strip(",") in line for line in added)
    assert main(["leaderboard", "--check"]) == 1, "checking mends nothing"


def test_a_check_without_files_fails(shelf: Shelf) -> None:
    assert main(["leaderboard", "--check"]) == 1
    assert not (shelf.root / "leaderboard" / "README.md").exists()


def test_any_name_is_shown_as_it_is(shelf: Shelf) -> None:
    shelf.add(HOSTILE, shelf.multiturn(90, 5))
    shelf.render()
    page, readme, tex = shelf.text("index.html"), shelf.text(), shelf.text("tables.tex")
    assert "<img" not in page
    assert "&lt;/script&gt;&lt;img" in page
    assert page.count("</script>") == 1
    table = readme[readme.index("User simulators on redial") : readme.index("<details>", readme.index("on redial"))]
    assert "<img" not in table
    assert re.search(r"^\| &lt;/script&gt;.*&#124;.*\\\*b\\\*.*&#92;g &amp; &#36;h.*\|$", table, re.MULTILINE)
    assert r"\{f\} \textbackslash{}g \& \$h\% \textasciicircum{}\textasciitilde{}\#é\texttt{U+6F22}" in tex
    assert json.loads(shelf.text("leaderboard.json"))["tables"][1]["rows"][0]["model"] == HOSTILE


STEERING = "\x1b[31m\x07\u202eevil\u2066\u200b\U000e0001\x85"


def test_no_name_steers_a_terminal_or_adds_a_link_or_a_column(shelf: Shelf) -> None:
    name = f"javascript:alert(1) {STEERING} a\\|b $x$ https://evil.example www.evil.example"
    names = {"dataset__name": f"javascript:{name}", "machine": name, "dataset__split": name}
    options = {"history": name}
    shelf.add("plain", shelf.multiturn(80, 5), dataset__name=f"javascript:{name}")
    shelf.add(name, {**shelf.multiturn(90, 5), name: shelf.multiturn(1, 1)["SR"]}, task__options=options, **names)
    shelf.render()
    for file in ("README.md", "index.html", "tables.tex", "picture.svg", "leaderboard.json"):
        text = shelf.text(file)
        assert [c for c in set(text) - {"\n"} if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")] == []
    assert not re.search(r"=\s*[\"']?\s*javascript:", shelf.text("index.html"))
    tables = re.sub(r"(```+).*?\1|\[record\]\([^)]*\)", "", shelf.text().partition("## ")[2], flags=re.DOTALL)
    assert "https://evil" not in tables
    assert "www.evil" not in tables
    for block in re.findall(r"(?:^\|.*\|$\n?)+", tables, re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1


def test_a_command_cannot_break_out_of_its_fence(shelf: Shelf) -> None:
    shelf.add("mine", shelf.multiturn(90, 5), command="x --model '\n```\n# Owned'")
    shelf.render()
    assert "\n# Owned" not in shelf.text()


def test_tables_compile(shelf: Shelf) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    shelf.add(HOSTILE, shelf.multiturn(90, 5), request__seed=3)
    shelf.add("mine", shelf.singleturn(0.93, 0.4, 30))
    wide = {f"a measure {k}": {**shelf.multiturn(k, 5)["SR"], "name": f"a measure {k}"} for k in range(20)}
    shelf.add("wide", {**shelf.multiturn(80, 5), **wide})
    shelf.render()
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"],
        cwd=shelf.root / "leaderboard", capture_output=True, text=True, check=False, errors="replace",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout


def test_the_page_is_self_contained(shelf: Shelf) -> None:
    shelf.add("mine", shelf.multiturn(90, 5))
    shelf.render()
    page = shelf.text("index.html")
    assert not re.findall(r"src=|srcset=|@import|url\(|fetch\(|XMLHttpRequest|import\(", page)
    assert "default-src 'none'" in page
    assert re.findall(r'<link[^>]*href="([^"]*)"', page) == ["data:,"]
    assert "http:" not in page
    assert "https:" not in page


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ("[]", "should be an object"),
        ('{"schema": 1}', "task: Field required"),
    ],
)
def test_a_broken_record_is_one_clear_line(
    shelf: Shelf, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    (shelf.results / "broken.json").write_text(text)
    assert main(["leaderboard"]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "broken.json" in said
    assert words in said


@pytest.mark.parametrize("bad", ["NaN", '"0.9"', "true"])
def test_a_value_that_is_no_number_is_refused(shelf: Shelf, capsys: pytest.CaptureFixture[str], bad: str) -> None:
    record = shelf.add("mine", shelf.multiturn(90, 5))
    record.write_text(record.read_text().replace('"value": 0.9,', f'"value": {bad},'))
    assert main(["leaderboard"]) == 2
    assert "metrics.SR.value" in capsys.readouterr().err


def test_a_leaderboard_without_the_paper(shelf: Shelf) -> None:
    (shelf.root / "leaderboard" / "paper.toml").unlink()
    shelf.add("mine", shelf.multiturn(90, 5))
    (table,) = shelf.tables()
    assert table["tasks"] == ["user_multiturn"]


def test_no_results_folder_is_said(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "--results", "elsewhere"]) == 2
    assert "--results" in capsys.readouterr().err


def many(shelf: Shelf, count: int) -> None:
    """Records of so many models, half of them of either task, on four data sets."""
    replay = shelf.add("a-model", shelf.multiturn(90, 5)).read_text()
    single = shelf.add("a-model", shelf.singleturn(0.9, 0.4, 30)).read_text()
    for path in shelf.results.iterdir():
        path.unlink()
    for number in range(count):
        text = (single if number % 2 else replay).replace("a-model", f"model-{number // 2}")
        (shelf.results / f"{number:05}.json").write_text(text.replace("redial", f"data-{number // 2 % 4}"))


def render(shelf: Shelf) -> tuple[float, float]:
    """Render in a process of its own; returns its processor seconds and its megabytes."""
    code = (
        "import resource, sys\nfrom interplay_bench.cli.main import main\ncode = main(['leaderboard'])\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        # Its maxrss would be that of the process that started this one; the kernel's own mark begins anew.
        "peak = next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(used.ru_utime + used.ru_stime, int(peak) / 1024)\n"
        "heavy = {'torch', 'transformers', 'pandas', 'matplotlib', 'numpy', 'scipy', 'tabulate'}\n"
        "sys.exit(code or (str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=shelf.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seconds, megabytes = map(float, done.stdout.split()[-2:])
    return seconds, megabytes


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="memory is read where Linux tells it")
def test_two_hundred_records_take_no_time_and_no_heavy_import(shelf: Shelf) -> None:
    many(shelf, 200)
    seconds, _ = render(shelf)
    assert seconds < 1


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="memory is read where Linux tells it")
def test_ten_thousand_records(shelf: Shelf) -> None:
    many(shelf, 10_000)
    _, megabytes = render(shelf)
    assert megabytes < 500
    assert len(json.loads(shelf.text("leaderboard.json"))["tables"]) == 7


def test_the_workflow_checks_the_committed_leaderboard() -> None:
    workflow = (ROOT / ".github" / "workflows" / "leaderboard.yml").read_text()
    (command,) = re.findall(r"run: (interplay-bench leaderboard --check)$", workflow, re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-m", "interplay_bench", *command.split()[1:]],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


UNSEEN = "\x1b[31m\x07\u202eevil | a | b \u2028 javascript:alert(1) <script>"


def test_no_file_of_the_board_holds_what_nobody_sees(shelf: Shelf) -> None:
    changes = {"model__card": {"name": UNSEEN, "summary": UNSEEN}, "machine": UNSEEN, "command": UNSEEN}
    shelf.add(UNSEEN, shelf.multiturn(90, 5), dataset__name=UNSEEN, dataset__split=UNSEEN, **changes)
    shelf.render()
    for name in ("README.md", "index.html", "leaderboard.json", "tables.tex", "picture.svg"):
        text = shelf.text(name)
        assert not set("\x1b\x07\u202e\u2028") & set(text), name
        assert "U+202E" in text or "202E" in text, name
    assert "<script>" not in shelf.text("index.html").partition("</head>")[2].replace("<script>\n", "", 1)


def test_pipes_in_names_add_no_columns(shelf: Shelf) -> None:
    shelf.add("a | b", shelf.multiturn(90, 5), dataset__name="x | y")
    shelf.render()
    lines = shelf.text().splitlines()
    rows = [at for at, line in enumerate(lines) if line.startswith("|") and "a &#124; b" in line]
    assert rows
    for at in rows:
        header = next(line for line in reversed(lines[:at]) if line.startswith("| Model"))
        assert lines[at].count("|") == header.count("|")
