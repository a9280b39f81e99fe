"""The pages in a real browser: two annotators at once, desktop and phone, by keys alone and without scripts."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from interplay_bench.study.answer_store import AnswerStore
from interplay_bench.study.criteria import read_criteria
from interplay_bench.study.plan import Plan
from interplay_bench.study.planning import Size, new_rating_plan
from tests.study.conftest import dialogue
from tests.study.served import free_port, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
for package in ("starlette", "uvicorn", "python_multipart"):
    pytest.importorskip(package, reason="the extra [study] is not installed")
HOSTILE = '<script>window.hacked=1</script><img src="http://example.org/x.png" onerror="window.hacked=1">javascript:1 '
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SHOTS = os.environ.get("INTERPLAY_SCREENSHOTS")
"""A folder to leave pictures of the pages in, to be looked at."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


class Annotator:
    """A browser window of one annotator, which collects whatever goes wrong in it."""

    def __init__(self, browser: Any, size: dict[str, int], url: str, token: str, *, scripts: bool = True) -> None:
        self.context = browser.new_context(viewport=size, java_script_enabled=scripts)
        self.url = url
        self.faults: list[str] = []
        self.page = self.tab()
        self.page.goto(f"{url}/join/{token}")
        self.go("text=I agree to take part")

    def tab(self) -> Any:
        page = self.context.new_page()
        page.on("console", lambda message: self.faults.append(message.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", self._dialog)
        page.on("request", self._request)
        return page

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(dialog.message)
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.faults.append(request.url)

    def go(self, what: str) -> None:
        """Click what leads to another page, and wait for it."""
        with self.page.expect_navigation():
            self.page.click(what)

    def click(self, criterion: str, label: str) -> None:
        self.go(f"form[id={criterion!r}] >> text={label}")

    def shot(self, name: str) -> None:
        if SHOTS:
            self.page.screenshot(path=Path(SHOTS) / f"{name}-{self.page.viewport_size['width']}.png", full_page=True)


def pressed(page: Any, criterion: str) -> list[str]:
    found: list[str] = page.locator(f"form[id={criterion!r}] button[aria-pressed=true]").all_inner_texts()
    return found


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def serious_faults(page: Any) -> list[str]:
    """What axe-core finds that is serious or critical."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in ("serious", "critical")]


def test_two_annotators_at_once_and_a_killed_server(browser: Any, planned: Callable[..., Plan], tmp_path: Path) -> None:
    plan, port = planned(words=HOSTILE), free_port()
    path, url = tmp_path / "plan.json", f"http://127.0.0.1:{port}"
    plan.write(path)
    one, two = (each.token for each in plan.annotators)
    with served(path, port) as server:
        desk, phone = Annotator(browser, DESKTOP, url, one), Annotator(browser, PHONE, url, two, scripts=False)
        desk.shot("pair")
        phone.shot("pair")
        assert (fits(desk.page), phone.page.locator("#keys").is_visible()) == (True, False)
        assert serious_faults(desk.page) == []

        desk.click("flow", "Dialogue 1")
        phone.click("flow", "No difference")
        assert (pressed(desk.page, "flow"), pressed(phone.page, "flow")) == (["Dialogue 1"], ["No difference"])
        desk.page.reload()
        assert pressed(desk.page, "flow") == ["Dialogue 1"]

        other = desk.tab()  # a second tab changes the answer; the first one goes on from there
        other.goto(f"{url}/pair/1")
        with other.expect_navigation():
            other.click("form[id=flow] >> text=Dialogue 2")
        desk.click("relevance", "No difference")
        assert pressed(desk.page, "flow") == ["Dialogue 2"]
        desk.go("text=Next")
        desk.page.go_back()
        assert pressed(desk.page, "flow") == ["Dialogue 2"]

        desk.page.goto(f"{url}/pair/1")
        desk.page.click("summary")
        assert desk.page.locator(".profile").is_visible()
        desk.page.fill("textarea", HOSTILE)
        desk.go("text=Save the comment")
        assert desk.page.input_value("textarea") == HOSTILE.strip() or desk.page.input_value("textarea") == HOSTILE
        assert desk.page.evaluate("window.hacked") is None

        phone.click("expertise", "Dialogue 2")
        server.send_signal(signal.SIGKILL)
        server.wait()
    kept = {(a.annotator, a.criterion): a.choice for a in AnswerStore(tmp_path / "plan.sqlite").answers()}
    assert kept == {
        ("annotator-1", "flow"): "right",
        ("annotator-1", "relevance"): "tie",
        ("annotator-2", "flow"): "tie",
        ("annotator-2", "expertise"): "right",
    }
    with served(path, port):
        phone.click("consistency", "Dialogue 1")  # the open page goes on with the new server
        assert pressed(phone.page, "expertise") == ["Dialogue 2"]
        assert pressed(phone.page, "consistency") == ["Dialogue 1"]
    assert desk.faults + phone.faults == []


def test_keys_alone_answer_everything_and_bring_the_code(
    browser: Any, planned: Callable[..., Plan], tmp_path: Path
) -> None:
    plan, port = planned(pairs=2, repeats=0, controls=1), free_port()
    path = tmp_path / "plan.json"
    plan.write(path)
    with served(path, port):
        desk = Annotator(browser, DESKTOP, f"http://127.0.0.1:{port}", plan.annotators[0].token)
        desk.shot("open")
        for page in range(3):
            for key in "120120":
                with desk.page.expect_navigation():
                    desk.page.keyboard.press(key)
            assert desk.page.locator("form[data-open]").count() == 0
            if page == 0:  # by Tab alone, as without scripts: the way goes on from the answered question
                desk.page.locator("form[id=flow] button").first.focus()
                desk.page.keyboard.press("Tab")
                with desk.page.expect_navigation():
                    desk.page.keyboard.press("Enter")
                assert pressed(desk.page, "flow") == ["No difference"]
            desk.page.locator("textarea").focus()
            desk.page.keyboard.type("1")  # a digit in a comment answers nothing
            with desk.page.expect_navigation():
                desk.page.locator("h1").click()
                desk.page.keyboard.press("ArrowRight")
        assert plan.annotators[0].code in desk.page.inner_text("main")
        desk.shot("done")
        assert serious_faults(desk.page) == []
    assert desk.faults == []
    assert len(AnswerStore(tmp_path / "plan.sqlite").answers()) == 3 * 6


def test_scales_on_a_phone(browser: Any, tmp_path: Path) -> None:
    dialogues = [dialogue(n, f"Something to watch tonight {HOSTILE}") for n in range(2)]
    plan = new_rating_plan("ours", dialogues, read_criteria("scales.toml"), Size(2, 1, repeats=0), 0)
    path, port = tmp_path / "plan.json", free_port()
    plan.write(path)
    with served(path, port):
        phone = Annotator(browser, PHONE, f"http://127.0.0.1:{port}", plan.annotators[0].token)
        phone.click("relevance@2", "mostly")
        phone.click("dialogue_overall", "very dissatisfied")
        assert (pressed(phone.page, "relevance@2"), pressed(phone.page, "relevance@4")) == (["mostly"], [])
        assert fits(phone.page)
        assert serious_faults(phone.page) == []
        phone.shot("scales")
        phone.page.set_viewport_size(DESKTOP)
        phone.shot("scales")
    assert phone.faults == []
    choices = {answer.criterion: answer.choice for answer in AnswerStore(tmp_path / "plan.sqlite").answers()}
    assert choices == {"relevance@2": "2", "dialogue_overall": "0"}
