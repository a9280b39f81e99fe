from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from interplay_bench.study.answer_store import AnswerStore
from interplay_bench.study.plan import Plan
from tests.study.served import free_port, served

for package in ("starlette", "uvicorn", "python_multipart"):
    pytest.importorskip(package, reason="the extra [study] is not installed")
httpx = pytest.importorskip("httpx")


@pytest.mark.slow
def test_a_killed_server_has_lost_no_click(planned: Callable[..., Plan], tmp_path: Path) -> None:
    plan = planned()
    path = tmp_path / "plan.json"
    plan.write(path)
    port = free_port()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True) as client:
        with served(path, port) as server:
            text = client.get(f"/join/{plan.annotators[0].token}").text
            (csrf,) = re.findall(r'name="csrf" value="(\w+)"', text)
            client.post("/consent", data={"csrf": csrf})
            form = {"csrf": csrf, "criterion": "flow", "choice": "tie"}
            assert client.post("/pair/1/answer", data=form, follow_redirects=False).status_code == 303
            server.send_signal(signal.SIGKILL)
            server.wait()
        assert [answer.choice for answer in AnswerStore(tmp_path / "plan.sqlite").answers()] == ["tie"]
        with served(path, port):
            assert 'aria-pressed="true"' in client.get("/pair/1").text
