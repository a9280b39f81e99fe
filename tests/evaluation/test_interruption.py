"""Ctrl-C while an endpoint is at work: a clean end, and one line that says how to go on."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

CARD = 'summary = "x"\nadapter = "zero-shot"\n[engine]\nkind = "endpoint"\nmodel = "m"\nbase_url = "http://127.0.0.1:{}/v1"\n'


@pytest.mark.parametrize(
    "command",
    [
        "run --task user_multiturn --model ./slow.toml",
        "simulate --user ./slow.toml --recommender fixed-list",
    ],
)
def test_an_interrupted_endpoint_ends_in_one_line(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # takes connections, and never answers
        server.settimeout(120)
        (tmp_path / "slow.toml").write_text(CARD.format(server.getsockname()[1]))
        words = [*command.split(), "--dataset", "sample", "--output", "out"]
        process = subprocess.Popen(
            [sys.executable, "-m", "interplay_bench", *words],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        connections = [server.accept()[0] for _ in range(8)]
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=120)
        for connection in connections:
            connection.close()
    assert process.returncode == 130, said
    assert printed == ""
    assert len(said.splitlines()) == 1, said
    assert "--resume" in said
