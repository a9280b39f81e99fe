"""Everything that can be wrong from outside: one clear line that names the mend, and a non-zero exit."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]
REPLAY = ("run", "--task", "user_multiturn")
RECORD = {
    "conversationId": "1",
    "initiatorWorkerId": 1,
    "respondentWorkerId": 2,
    "movieMentions": {"9": "Heat (1995)"},
    "initiatorQuestions": {"9": {"suggested": 1, "seen": 0, "liked": 1}},
    "respondentQuestions": {},
    "messages": [{"senderWorkerId": 1, "text": "hi"}, {"senderWorkerId": 2, "text": "Try @9"}],
}


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The one line on standard error."""
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def without(key: str) -> str:
    return json.dumps({k: v for k, v in RECORD.items() if k != key})


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([json.dumps(RECORD), json.dumps(RECORD)[:40]], ["Line 2 of broken.jsonl"]),
        ([json.dumps(RECORD), "[1]"], ["Line 2 of broken.jsonl"]),
        ([without("messages")], ["messages"]),
        ([without("initiatorQuestions")], ["initiatorQuestions"]),
        ([], ["broken.jsonl"]),
        (["", "  "], ["broken.jsonl"]),
    ],
)
def test_broken_redial_files(cli: Cli, tmp_path: Path, lines: list[str], words: list[str]) -> None:
    (tmp_path / "broken.jsonl").write_text("\n".join(lines))
    line = complaint(cli(*REPLAY, "--model", "oracle", "--dataset", "redial", "--data", "broken.jsonl"))
    assert all(word in line for word in words), line


@pytest.mark.parametrize("dataset", ["redial", "inspired", "pearl"])
def test_a_missing_file_is_named(cli: Cli, dataset: str) -> None:
    line = complaint(cli(*REPLAY, "--model", "oracle", "--dataset", dataset, "--data", "./nowhere.json"))
    assert "nowhere.json" in line


def test_a_wrong_column_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_text("dialog_id\tutt_id\tspeakr\ttext\n1\t1\tSEEKER\thi\n")
    line = complaint(cli(*REPLAY, "--model", "oracle", "--dataset", "inspired", "--data", "dev.tsv"))
    assert "speaker" in line


def test_a_whole_record_is_read(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "good.jsonl").write_text(json.dumps(RECORD))
    done = cli(*REPLAY, "--model", "oracle", "--dataset", "redial", "--data", "good.jsonl", "--json")
    assert json.loads(done.stdout)["metrics"]["SR"]["count"] == 1, done.stderr


@contextmanager
def server(status: int, body: str) -> Iterator[str]:
    """A server that gives every request the same answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST  # noqa: N815 (the standard library's names)

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}/v1"
    finally:
        httpd.shutdown()
        httpd.server_close()


def ask(cli: Cli, folder: Path, url: str) -> str:
    (folder / "endpoint.toml").write_text(
        f'summary = "x"\nadapter = "zero-shot"\n[engine]\nkind = "endpoint"\nmodel = "m"\nbase_url = "{url}"\n'
        "max_retries = 1\nmax_wait = 0.1\n"
    )
    return complaint(cli(*REPLAY, "--model", "./endpoint.toml", "--dataset", "sample", "--limit", "2"))


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, '{"error": {"message": "bad key"}}', ["401", "OPENAI_API_KEY"]),
        (429, '{"error": {"message": "slow down"}}', ["429", "too many requests", "concurrency"]),
        (500, "oops", ["500"]),
        (200, "<html>welcome</html>", ["base_url"]),
        (200, '{"hello": "world"}', ["without choices"]),
    ],
)
def test_endpoints_that_fail(cli: Cli, tmp_path: Path, status: int, body: str, words: list[str]) -> None:
    with server(status, body) as url:
        line = ask(cli, tmp_path, url)
    assert all(word in line for word in words), line


def test_an_endpoint_that_is_down(cli: Cli, tmp_path: Path) -> None:
    with server(200, "") as url:
        pass
    line = ask(cli, tmp_path, url)
    assert "connection refused" in line
    assert "base_url" in line


UNREADABLE = {
    "brackets": "x = " + "[" * 5000 + "]" * 5000,
    "tables": "x = " + "{a = " * 3000 + "1" + "}" * 3000,
    "digits": "x = " + "9" * 5000,
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("options.toml", ("run", "--config", "options.toml")),
        ("card.toml", (*REPLAY, "--dataset", "sample", "--model", "./card.toml")),
        ("board.toml", ("leaderboard", "--results", "results", "--output", ".")),
        ("paper.toml", ("leaderboard", "--results", "results", "--output", ".")),
        ("criteria.toml", ("study", "new", "sample", "--output", "plan.json", "--criteria", "criteria.toml")),
    ],
)
def test_toml_that_no_reader_takes(cli: Cli, tmp_path: Path, file: str, words: tuple[str, ...], text: str) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / file).write_text(text)
    line = complaint(cli(*words))
    assert file in line, line
    assert "--debug" not in line, line
