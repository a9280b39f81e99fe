from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.study.answer_store import AnswerStore
from interplay_bench.study.plan import Plan

pytest.importorskip("starlette", reason="the extra [study] is not installed")
pytest.importorskip("python_multipart", reason="the extra [study] is not installed")
testclient = pytest.importorskip("starlette.testclient", reason="httpx is not installed")
PlanOf = Callable[..., Plan]
HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)> {{ 7*7 }} "quoted" &amp;'


def browser(plan: Plan, path: Path) -> Any:
    from interplay_bench.study.server import study_app

    return testclient.TestClient(study_app(plan, AnswerStore(path)))


def joined(plan: Plan, path: Path, who: int) -> tuple[Any, str]:
    """A browser in which an annotator has agreed to take part, and the token of its forms."""
    client = browser(plan, path)
    text = client.get(f"/join/{plan.annotators[who].token}").text
    csrf = csrf_of(text)
    assert client.post("/consent", data={"csrf": csrf}).status_code == 200
    return client, csrf


def csrf_of(text: str) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', text)
    assert found
    return found[1]


def click(client: Any, csrf: str, page: int, criterion: str, choice: str) -> int:
    form = {"csrf": csrf, "criterion": criterion, "choice": choice}
    return int(client.post(f"/pair/{page}/answer", data=form).status_code)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.sqlite"


def test_two_annotators_answer_side_by_side_and_a_change_replaces(planned: PlanOf, path: Path) -> None:
    plan = planned()
    (one, csrf_one), (two, csrf_two) = joined(plan, path, 0), joined(plan, path, 1)
    assert csrf_one != csrf_two
    assert click(one, csrf_one, 1, "flow", "left") == 200
    assert click(two, csrf_two, 1, "flow", "tie") == 200
    assert click(one, csrf_one, 1, "flow", "right") == 200
    found = {(a.annotator, a.page, a.criterion): a.choice for a in AnswerStore(path).answers()}
    assert found == {("annotator-1", 1, "flow"): "right", ("annotator-2", 1, "flow"): "tie"}
    assert one.get("/pair/1").text.count('aria-pressed="true"') == 1


def test_ones_cookie_with_anothers_form_writes_nothing(planned: PlanOf, path: Path) -> None:
    plan = planned()
    (one, _), (_, csrf_two) = joined(plan, path, 0), joined(plan, path, 1)
    assert click(one, csrf_two, 1, "flow", "left") == 403
    assert click(one, "", 1, "flow", "left") == 403
    assert AnswerStore(path).answers() == []


def test_nobody_gets_in_without_a_link_or_past_the_consent(planned: PlanOf, path: Path) -> None:
    plan = planned()
    stranger = browser(plan, path)
    assert stranger.get("/join/wrong").status_code == 404
    for address in ("/", "/pair/1", "/done"):
        assert stranger.get(address).status_code == 403
    assert click(stranger, "x", 1, "flow", "left") == 403
    stranger.cookies.set("session", "guessed")
    assert stranger.get("/pair/1").status_code == 403
    early = browser(plan, path)
    csrf = csrf_of(early.get(f"/join/{plan.annotators[0].token}").text)
    assert click(early, csrf, 1, "flow", "left") == 403
    assert "I agree" in early.get("/pair/1").text


@pytest.mark.parametrize(
    ("page", "criterion", "choice"), [(0, "flow", "left"), (99, "flow", "left"), (1, "x", "left"), (1, "flow", "a")]
)
def test_what_was_not_asked_is_not_kept(planned: PlanOf, path: Path, page: int, criterion: str, choice: str) -> None:
    client, csrf = joined(planned(), path, 0)
    assert click(client, csrf, page, criterion, choice) == 400
    assert client.get("/pair/99").status_code == 404
    assert AnswerStore(path).answers() == []


def test_hostile_texts_stay_texts(planned: PlanOf, path: Path) -> None:
    plan = planned(words=HOSTILE)
    client, csrf = joined(plan, path, 0)
    assert client.post("/pair/1/comment", data={"csrf": csrf, "text": f"</textarea>{HOSTILE}"}).status_code == 200
    for page in range(1, len(plan.annotators[0].showings) + 1):
        text = client.get(f"/pair/{page}").text
        assert re.findall("<script[^>]*>", text) == ['<script src="/keys.js" defer>']
        assert "<img" not in text
        assert "{{ 7*7 }}" in text
        assert text.count("</textarea>") == 1
    assert "&lt;script&gt;" in text


def test_pages_hide_systems_actions_and_kinds_and_allow_no_script(planned: PlanOf, path: Path) -> None:
    plan = planned()
    client, _ = joined(plan, path, 0)
    for page in range(1, len(plan.annotators[0].showings) + 1):
        answer = client.get(f"/pair/{page}")
        for secret in ("system-one", "system-two", "control", "repeat", "[chat]", plan.annotators[0].token):
            assert secret not in answer.text.replace("User control", "").replace("user_control", "")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
    cookie = browser(plan, path).get(f"/join/{plan.annotators[0].token}", follow_redirects=False).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "expires" not in cookie.lower()
    assert "max-age" not in cookie.lower()


def test_large_forms_and_long_comments_are_refused(planned: PlanOf, path: Path) -> None:
    client, csrf = joined(planned(), path, 0)
    assert client.post("/pair/1/comment", data={"csrf": csrf, "text": "x" * 2_001}).status_code == 400
    assert client.post("/pair/1/comment", data={"csrf": csrf, "text": "x" * 70_000}).status_code == 413


def test_a_restart_keeps_the_answers_and_the_code_comes_at_the_end(planned: PlanOf, path: Path) -> None:
    plan = planned(pairs=4, repeats=1)
    client, csrf = joined(plan, path, 0)
    pages = len(plan.annotators[0].showings)
    for page in range(1, pages + 1):
        for criterion in plan.criteria:
            assert plan.annotators[0].code not in client.get("/done").text
            assert click(client, csrf, page, criterion.key, "left") == 200
    again = browser(plan, path)
    again.cookies = client.cookies
    assert plan.annotators[0].code in again.get("/done").text
    assert click(again, csrf, 1, "flow", "tie") == 200  # an open page's form outlives the server
    assert len(AnswerStore(path).answers()) == pages * len(plan.criteria)


def test_many_annotators_at_once_lose_and_double_nothing(planned: PlanOf, path: Path) -> None:
    """A crowd of 200, over HTTP, is in ``benchmarks/study.py``."""
    plan = planned(pairs=4, annotators=20, each=1, repeats=0, controls=1)

    def work(who: int) -> set[tuple[str, int, str, str]]:
        client, csrf = joined(plan, path, who)
        name, given = plan.annotators[who].name, set()
        for page in range(1, len(plan.annotators[who].showings) + 1):
            for n, criterion in enumerate(plan.criteria):
                choice = ("left", "tie", "right")[(who + page + n) % 3]
                form = {"csrf": csrf, "criterion": criterion.key, "choice": choice}
                sent = client.post(f"/pair/{page}/answer", data=form, follow_redirects=False)
                assert sent.status_code == 303
                given.add((name, page, criterion.key, choice))
        return given

    with ThreadPoolExecutor(20) as pool:
        given = set().union(*pool.map(work, range(20)))
    kept = [(a.annotator, a.page, a.criterion, a.choice) for a in AnswerStore(path).answers()]
    assert len(kept) == len(given) == 20 * 2 * 6
    assert set(kept) == given


def test_a_flood_is_refused_and_slows_nobody_else(planned: PlanOf, path: Path) -> None:
    from interplay_bench.study.rate_limit import BURST, PER_SECOND, RateLimit

    now = [0.0]
    limit = RateLimit(lambda: now[0])
    assert sum(limit.allows("one") for _ in range(BURST + 10)) == BURST
    assert limit.allows("two")
    now[0] = 3 / PER_SECOND
    assert [limit.allows("one") for _ in range(4)] == [True, True, True, False]
    stranger = browser(planned(), path)
    assert 429 in [stranger.get("/join/wrong").status_code for _ in range(BURST + 50)]


def test_dialogues_are_rated_turn_by_turn_and_as_a_whole(path: Path) -> None:
    from interplay_bench.study.criteria import read_criteria
    from interplay_bench.study.planning import Size, new_rating_plan
    from interplay_bench.study.study_report import study_report
    from tests.study.conftest import dialogue

    criteria = read_criteria("scales.toml")
    plan = new_rating_plan("ours", [dialogue(n, "hello") for n in range(4)], criteria, Size(3, 2, repeats=1), 0)
    client, csrf = joined(plan, path, 0)
    asked = plan.questions(plan.annotators[0].showings[0])
    assert len(asked) == 3 * 2 + 5  # three turns of the recommender
    assert client.get("/pair/1").text.count("<form class=") == 11
    for question in asked:
        assert click(client, csrf, 1, question.key, question.choices[-1]) == 200
    assert click(client, csrf, 1, "relevance@2", "4") == 400
    assert click(client, csrf, 1, "relevance@1", "0") == 400  # the user's turn
    text = client.get("/pair/1").text
    assert text.count('aria-pressed="true"') == 11
    assert "1 of 4 finished" in text
    report = study_report(plan, AnswerStore(path).answers())
    means = {each.name: each.mean.value for each in report.ratings}
    assert means == {"Relevance": 3, "Interestingness": 2, "Understanding": 2, "Task completion": 2, "Interest": 2,
                     "Efficiency": 1, "Overall": 4}  # fmt: skip
    assert report.annotators[0].answered == 11
