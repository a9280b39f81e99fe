"""The page in a real browser: it sorts, filters, unfolds and draws, complains of nothing and loads nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.leaderboard.conftest import Shelf

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")

WATCH = """<script>
window.complaints = [];
addEventListener("error", (event) => complaints.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => complaints.push("blocked " + event.blockedURI));
for (const level of ["error", "warn"]) console[level] = (...words) => complaints.push(words.join(" "));
</script>"""
PROBE = """<script>
const shown = (element) => element.getClientRects().length > 0;
const bodies = () => [...document.querySelectorAll("#TABLE tbody")].filter(shown);
const names = () => bodies().map((body) => body.querySelector(".more").textContent.trim());
const heads = [...document.querySelectorAll("#TABLE thead th[aria-sort]")];
const head = (text) => heads.find((th) => th.innerText.includes(text));
const press = (selector) => document.querySelector(selector).click();
const pressed = (label) => [...document.querySelectorAll(".tools button")].find((b) => b.textContent === label).click();
const type = (text) => {
  const box = document.getElementById("filter");
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
};
const seen = {};
STEPS
seen.complaints = complaints;
seen.loaded = performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => name !== "data:,");
const out = document.createElement("pre");
out.id = "seen";
out.textContent = JSON.stringify(seen);
document.body.append(out);
parent.postMessage(out.textContent, "*");
</script>"""
FRAME = """<body style="margin:0"><script>
onmessage = ({ data }) => {
  document.body.append(Object.assign(document.createElement("pre"), { id: "seen", textContent: data }));
};
</script><iframe src="probed.html" style="width:WIDTHpx;height:1600px;border:0"></iframe></body>"""


@pytest.fixture
def page(shelf: Shelf) -> Path:
    """A rendered page: models, controls, an oracle, two data sets, the paper."""
    swapped = {**shelf.multiturn(9, 20)["SR"], "name": "SR swapped", "direction": "lower"}
    for number in (10, 9, 30):
        extra = {"SR swapped": swapped} if number != 9 else {}
        shelf.add(f"model-{number}", {**shelf.multiturn(number, 20), **extra})
    shelf.add("model-9", shelf.singleturn(0.93, 0.4, 30))
    shelf.add("<b>bold</b>", shelf.multiturn(25, 20))
    shelf.control("accept-first", shelf.multiturn(50, 50))
    shelf.add("told", shelf.multiturn(100, 0), model__knows_target=True)
    shelf.add("model-9", shelf.multiturn(40, 20), dataset__name="sample", dataset__synthetic=True)
    shelf.render()
    return shelf.root / "leaderboard" / "index.html"


def set_catalog(page: Path, steps: str, width: int = 1280) -> dict[str, Any]:
    """Open the page, take the steps, and return what was ``seen``. A frame is as narrow as a phone; no window is."""
    text = page.read_text()
    (table,) = re.findall(r'<section id="(table-1-redial)"', text)
    probed = page.with_name("probed.html")
    probe = PROBE.replace("STEPS", steps).replace("TABLE", table)
    probed.write_text(text.replace("<head>", f"<head>{WATCH}").replace("</body>", f"{probe}</body>"))
    frame = page.with_name("frame.html")
    frame.write_text(FRAME.replace("WIDTH", str(width)))
    size = f"--window-size={max(width, 600)},1600"
    done = chromium(page.parent, "--dump-dom", "--virtual-time-budget=5000", size, frame.as_uri())
    found = re.search(r'<pre id="seen">(.*?)</pre>', done, re.DOTALL)
    assert found, done[-2000:]
    seen: dict[str, Any] = json.loads(unescape(found[1]))
    assert seen.pop("complaints") == []
    assert seen.pop("loaded") == []
    return seen


def chromium(folder: Path, *arguments: str) -> str:
    profile = folder.parent / "profile"
    shutil.rmtree(profile, ignore_errors=True)
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_it_sorts_filters_and_unfolds(page: Path) -> None:
    seen = set_catalog(
        page,
        """
        seen.before = names();
        head("SR").querySelector("button").click();
        seen.best = [names(), head("SR").ariaSort];
        head("SR").querySelector("button").click();
        seen.worst = [names(), head("SR").ariaSort];
        head("Model").querySelector("button").click();
        seen.byName = [names(), head("Model").ariaSort, head("SR").ariaSort];
        head("FR").querySelector("button").click();
        seen.lowest = names()[0];
        head("BERTScore").querySelector("button").click();
        seen.missingLast = names()[0];
        type("MODEL 9");
        seen.filtered = names();
        seen.count = document.getElementById("found").value;
        press('.tools button[value="control"]');
        press("#clear");
        seen.cleared = [names().length, document.getElementById("clear").hidden,
                        document.querySelector('.tools button[value="control"]').ariaPressed];
        type("nothing");
        seen.empty = [names(), shown(document.querySelector("#TABLE .empty"))];
        type("");
        press('.tools button[value="control"]');
        seen.withoutControls = names();
        press('.tools button[value="control"]');
        pressed("redial");
        seen.withoutRedial = [names(), [...document.querySelectorAll("section")].filter(shown).length];
        pressed("redial");
        seen.all = names().length;
        const more = document.querySelector("#TABLE button.more");
        const detail = document.getElementById(more.getAttribute("aria-controls"));
        seen.unfolds = [shown(detail), (more.click(), shown(detail)), more.ariaExpanded];
        seen.command = detail.querySelector("code").innerText;
        """,
    )
    best = ["told", "accept-first", "model-30", "<b>bold</b>", "model-10", "model-9"]
    assert seen["before"] == ["model-30", "<b>bold</b>", "model-10", "model-9", "accept-first", "told"]
    assert seen["best"] == [best, "descending"]
    assert seen["worst"] == [best[::-1], "ascending"]
    assert seen["byName"][0][-4:] == ["model-9", "model-10", "model-30", "told"]
    assert seen["byName"][1:] == ["ascending", "none"]
    assert seen["lowest"] in ("told", "accept-first")
    assert seen["missingLast"] == "model-9"
    assert seen["filtered"] == ["model-9"]
    assert seen["count"] == "2 rows, filtered: model contains model and 9"
    assert seen["cleared"] == [6, True, "true"]
    assert seen["empty"] == [[], True]
    assert "accept-first" not in seen["withoutControls"]
    assert seen["withoutRedial"] == [[], 4]
    assert seen["all"] == 6
    assert seen["unfolds"] == [False, True, "true"]
    assert seen["command"].startswith("interplay-bench run --task user_multiturn --model ")


def test_the_second_table_unfolds_to_the_record_and_leaves_the_command_to_the_first(page: Path) -> None:
    seen = set_catalog(
        page,
        """
        const section = document.getElementById("table-1-redial-beyond");
        seen.heading = section.querySelector("h2").innerText;
        seen.heads = [...section.querySelectorAll("thead th button")].map((button) => button.innerText);
        seen.names = [...section.querySelectorAll(".more")].map((name) => name.textContent.trim());
        section.querySelector("button.more").click();
        const detail = section.querySelector(".detail.open");
        seen.unfolded = [shown(detail), detail.querySelectorAll("a").length, detail.querySelectorAll("code").length];
        seen.plots = section.querySelectorAll("figure").length;
        """,
    )
    assert seen["heading"] == "User simulators on redial, beyond the paper's columns"
    assert seen["names"] == ["model-30", "model-10"]
    assert seen["unfolded"] == [True, 1, 0]
    assert seen["plots"] == 1
    assert seen["heads"] == ["Model", "SR swapped ↓", "N"]


def test_it_draws_a_plot_of_each_metric_with_intervals(page: Path) -> None:
    seen = set_catalog(
        page,
        """
        const plots = [...document.querySelectorAll("#TABLE figure")];
        seen.plots = plots.map((plot) => plot.querySelector("figcaption").textContent.split(" ")[0]);
        seen.marks = plots.map((plot) => plot.querySelectorAll(".mark circle, .mark rect").length);
        seen.whiskers = plots.map((plot) => plot.querySelectorAll(".mark path").length);
        const whisker = plots[0].querySelector(".mark path").getAttribute("d");
        const [low, high] = whisker.match(/M([\\d.]+) [\\d.]+H([\\d.]+)/).slice(1).map(Number);
        const point = Number(plots[0].querySelector(".mark circle").getAttribute("cx"));
        seen.inside = low < point && point < high;
        seen.drawn = plots.every((plot) => plot.querySelector("svg").getBoundingClientRect().height > 40);
        type("model-30");
        seen.dimmed = plots[0].querySelectorAll(".mark.off").length;
        """,
    )
    assert seen["plots"] == ["SR", "ET", "FR", "BERTScore", "Dist-4", "#"]
    assert seen["marks"] == [6, 6, 6, 1, 1, 1]
    assert seen["whiskers"] == [6, 6, 6, 1, 0, 1]
    assert seen["inside"]
    assert seen["drawn"]
    assert seen["dimmed"] == 5


@pytest.mark.parametrize(("width", "columns"), [(1280, 3), (390, 1)])
def test_it_fits_the_window(page: Path, width: int, columns: int) -> None:
    seen = set_catalog(
        page,
        """
        seen.width = innerWidth;
        seen.content = document.documentElement.scrollWidth;
        const box = (element) => element.getBoundingClientRect();
        seen.columns = new Set([...document.querySelectorAll("#TABLE figure")].map((plot) => box(plot).left)).size;
        seen.legible = [...document.querySelectorAll("#TABLE svg text")].every((text) => box(text).height > 9);
        """,
        width,
    )
    assert seen == {"width": width, "content": width, "columns": columns, "legible": True}
