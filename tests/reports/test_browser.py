"""The page in a real browser: it lists, filters, opens and compares; hostile text is shown and never run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.reports.conftest import Data, Open, dialogue, run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")

WATCH = """<script>
window.complaints = [];
window.ran = [];
window.alert = (what) => ran.push(String(what));
addEventListener("error", (event) => complaints.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => complaints.push("blocked " + event.blockedURI));
</script>"""
PROBE = """<script>
const at = (id) => document.getElementById(id);
const shown = (element) => !!element && element.getClientRects().length > 0;
const all = (selector) => [...document.querySelectorAll(selector)];
const entries = () => all(".entry").map((row) => row.querySelector("b > span").textContent);
const put = (id, value) => {
  at(id).value = value;
  at(id).dispatchEvent(new Event(at(id).tagName === "SELECT" ? "change" : "input"));
};
const seen = {};
STEPS
seen.complaints = complaints;
seen.ran = ran;
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
</script><iframe src="probed.html" style="width:WIDTHpx;height:900px;border:0"></iframe></body>"""


def set_catalog(page: Path, steps: str, width: int = 1280) -> dict[str, Any]:
    """Open the page, take the steps, and return what was ``seen``; the policy lets the test's own scripts run."""
    text = re.sub(r"script-src 'sha256-[^']+'", "script-src 'unsafe-inline'", page.read_text())
    probed = text.replace("<head>", f"<head>{WATCH}", 1).replace("</body>", PROBE.replace("STEPS", steps) + "</body>")
    page.with_name("probed.html").write_text(probed)
    frame = page.with_name("frame.html")
    frame.write_text(FRAME.replace("WIDTH", str(width)))
    done = chromium(page.parent, "--dump-dom", "--virtual-time-budget=5000", f"--window-size={max(width, 600)},900",
                    frame.as_uri())  # fmt: skip
    found = re.search(r'<pre id="seen">(.*?)</pre>', done, re.DOTALL)
    assert found, done[-2000:]
    seen: dict[str, Any] = json.loads(unescape(found[1]))
    assert seen.pop("complaints") == []
    assert seen.pop("ran") == []
    assert seen.pop("loaded") == []
    return seen


def chromium(folder: Path, *arguments: str) -> str:
    profile = folder.parent / "profile"
    shutil.rmtree(profile, ignore_errors=True)
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def some() -> Data:
    outcomes = ("accepted", "cut_off", "goodbye")
    first = [dialogue(f"d{n:03}", 0, outcomes[n % 3], 4 + n % 5, f"word{n}") for n in range(90)]
    second = [dialogue(f"d{n:03}", 1, "accepted", 3) for n in range(5)]
    first[0]["turns"][1]["decision"] = {"verdict": "accept", "p": 0.75}
    first[0]["turns"][1]["marks"] = [[0, 5]]
    first[1]["turns"][0]["action"] = first[1]["turns"][1]["action"] = "chat"
    first[1]["outcome"] = "entry"
    return {"runs": [run("usersim × recsim"), run("oracle × recsim", told=True)], "dialogues": first + second}


def test_it_runs_under_its_own_policy(write: Open) -> None:
    page = write(some())
    done = chromium(page.parent, "--dump-dom", "--virtual-time-budget=3000", page.as_uri())
    assert 'class="entry"' in done
    assert "95 dialogues" in done


def test_it_filters_opens_and_compares(write: Open) -> None:
    seen = set_catalog(
        write(some()),
        """
        seen.count = at("found").value;
        seen.rows = entries().length;
        put("outcome", "cut_off");
        seen.cutOff = at("found").value;
        put("outcome", "");
        put("model", "1");
        seen.second = entries();
        seen.listedAsTold = all(".entry .chip[data-kind=told]").length;
        put("model", "");
        put("search", "WORD17 feedback");
        seen.searched = entries();
        put("search", "heat");
        seen.targetIsNotSearched = at("found").value;
        put("search", "");
        put("least", "8");
        seen.long = at("found").value;
        put("least", "");
        put("most", "3");
        seen.short = at("found").value;
        put("most", "");
        all(".entry")[1].click();
        seen.badge = getComputedStyle(document.querySelector(".turn .chip")).display;
        seen.place = getComputedStyle(document.querySelector(".meta .chip")).position;
        all(".entry")[0].click();
        seen.title = document.querySelector("#reader h2").textContent;
        seen.hidden = !document.querySelector("#reader").innerText.includes("Heat");
        document.querySelector(".target").click();
        seen.uncovered = document.querySelector("#reader").innerText.includes("target: Heat (1995)");
        seen.sides = all(".side").length;
        seen.told = all(".side .chip[data-kind=told]").length;
        seen.actions = all(".side:first-child .turn .chip").map((chip) => chip.textContent);
        seen.chance = document.querySelector(".turn .aside").textContent;
        seen.marked = document.querySelector(".turn mark").textContent;
        at("list").scrollTop = 80 * 64;
        at("list").dispatchEvent(new Event("scroll"));
        seen.later = entries().includes("d082");
        all(".entry").find((row) => row.textContent.includes("d082")).click();
        seen.alone = all(".side").length;
        at("list").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp" }));
        seen.moved = document.querySelector("#reader h2").textContent;
        seen.address = location.hash;
        location.hash = "#0:d017";
        dispatchEvent(new Event("hashchange"));
        seen.linked = document.querySelector("#reader h2").textContent;
        """,
    )
    assert seen["count"] == "95 dialogues"
    assert seen["rows"] < 40
    assert seen["cutOff"] == "29 dialogues"
    assert seen["second"] == [f"d{n:03}" for n in range(5)]
    assert seen["listedAsTold"] == 5
    assert seen["badge"] == "block"
    assert seen["place"] == "static"
    assert seen["searched"] == ["d017"]
    assert seen["targetIsNotSearched"] == "0 dialogues"
    assert seen["long"] == "18 dialogues"
    assert seen["short"] == "5 dialogues"
    assert seen["title"] == "d000"
    assert seen["hidden"]
    assert seen["uncovered"]
    assert seen["sides"] == 2
    assert seen["told"] == 1
    assert seen["actions"] == ["feedback", "recommend", "accept", "feedback", "recommend"]
    assert "P(accept) = 0.750" in seen["chance"]
    assert seen["marked"] == "word0"
    assert seen["later"]
    assert seen["alone"] == 1
    assert seen["moved"] == "d081"
    assert seen["address"].endswith(":d081")
    assert seen["linked"] == "d017"


HOSTILE = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(2)">',
    "</script><script>alert(3)</script>",
    "<svg onload=alert(4)>",
    '" onmouseover="alert(5)" x="',
    "javascript:alert(6)",
    "{{ 7*7 }}",
    "<!-- --><style>body{display:none}</style>",
]
HIDDEN = "\u202eevil\u202c\u2066x\u2069\u200b\u2028\x07\u3164\u034f\U000e0141\U000e0101"


def test_hostile_text_in_every_field_is_shown_and_never_run(write: Open) -> None:
    def poison(value: Any, at: int) -> Any:
        if isinstance(value, str) and value not in ("user", "recommender"):
            return HOSTILE[at % len(HOSTILE)] + HIDDEN + value
        if isinstance(value, dict):
            return {key: poison(entry, at + n) for n, (key, entry) in enumerate(value.items())}
        if isinstance(value, list):
            return [poison(entry, at + n) for n, entry in enumerate(value)]
        return value

    entry = dialogue("d", turns=16)
    for number, turn in enumerate(entry["turns"]):
        turn |= {"notes": ["note"], "new": ["item"], "reply": {"action": "chat", "text": "reply"}}
        turn["decision"] = {"verdict": "accept", "p": number / 20}
    data = {"runs": [run("a", told=True), run("b")], "dialogues": [entry, {**entry, "run": 1}]}
    seen = set_catalog(
        write(poison(data, 0)),
        """
        all(".entry")[0].click();
        document.querySelector(".target").click();
        document.querySelectorAll("details").forEach((box) => { box.open = true; });
        seen.text = document.body.innerText;
        seen.elements = all("#reader script, #reader img, #reader svg, #reader style, #list script, #list img").length;
        seen.handlers = all("*").filter((e) => [...e.attributes].some((a) => a.name.startsWith("on"))).length;
        seen.odd = [...new Set(all(".odd").map((span) => span.textContent))].sort();
        seen.raw = /[\\u202a-\\u202e\\u2066-\\u2069\\u200b]/.test(at("reader").innerText);
        """,
    )
    for text in HOSTILE:
        assert text in seen["text"], text
    assert seen["elements"] == 0
    assert seen["handlers"] == 0
    assert seen["odd"] == ["U+0007", "U+034F", "U+200B", "U+2028", "U+202C", "U+202E", "U+2066", "U+2069", "U+3164",
                           "U+E0101", "U+E0141"]  # fmt: skip
    assert not seen["raw"]


def test_two_thousand_dialogues_open_in_two_seconds(write: Open) -> None:
    entries = [dialogue(f"d{n:04}", 0, "accepted", 12, "some forty words " * 10) for n in range(2000)]
    page = write({"runs": [run("a")], "dialogues": entries})
    seen = set_catalog(
        page,
        """
        seen.rows = entries().length;
        seen.count = at("found").value;
        seen.milliseconds = performance.now();
        const start = performance.now();
        put("search", "forty d1999");
        seen.search = performance.now() - start;
        """,
    )
    assert seen["count"] == "2000 dialogues"
    assert seen["rows"] < 40
    assert seen["milliseconds"] < 2000
    assert seen["search"] < 1000


def test_what_people_write_is_left_as_it_is(write: Open) -> None:
    text = "Ça va? \u2764\ufe0f שלום\tΑθήνα\n第二行 \U0001f600"
    entry = dialogue("d", turns=2, said=text)
    seen = set_catalog(
        write({"runs": [run("a")], "dialogues": [entry]}),
        """
        seen.text = document.querySelector(".turn p").textContent;
        seen.odd = all(".odd").length;
        """,
    )
    assert seen == {"text": f"{text} (0)", "odd": 0}


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_the_window(write: Open, width: int) -> None:
    data = some()
    data["dialogues"][0]["turns"][0]["text"] = "unbroken" * 40
    seen = set_catalog(
        write(data),
        """
        seen.content = document.documentElement.scrollWidth;
        seen.listFirst = shown(at("list"));
        all(".entry")[0].click();
        seen.opened = shown(document.querySelector(".turn"));
        seen.wide = document.documentElement.scrollWidth;
        seen.back = shown(document.querySelector(".back"));
        document.querySelector(".back").click();
        seen.returned = shown(at("list"));
        """,
        width,
    )
    assert seen == {
        "content": width, "listFirst": True, "opened": True, "wide": width, "back": width < 700, "returned": True,
    }  # fmt: skip
