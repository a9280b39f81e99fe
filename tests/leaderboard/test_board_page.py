"""What the page adds to the tables: contents, links to rows, folded families of controls, encoders in headings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.leaderboard.conftest import Shelf


@pytest.fixture
def text(shelf: Shelf) -> str:
    for number, rate in ((1, 30), (2, 50), (3, 40)):
        shelf.control(f"accept-at:{number}", shelf.multiturn(rate, 10), model__control=True)
    shelf.control("accept-first", shelf.multiturn(20, 10), model__control=True)
    shelf.add("mine", shelf.multiturn(60, 10))
    other = shelf.singleturn(0.4, 0.3, 12)
    other["BERTScore"]["signature"] = "bertscore-f1|model:all-MiniLM-L6-v2|rescale:no"
    shelf.add("mine", other)
    shelf.render()
    return shelf.text("index.html")


def test_a_family_of_controls_is_one_row_led_by_its_best(text: str) -> None:
    bodies = re.findall(r'<tbody id="([^"]+)"( data-fold="0")?( data-lead)?', text)
    folded = {name.partition("--")[2]: bool(lead) for name, fold, lead in bodies if fold}
    assert folded == {"accept-at-1": False, "accept-at-2": True, "accept-at-3": False}
    assert text.count(">+2 more</button>") == 1


def test_every_table_and_row_can_be_linked_to(text: str) -> None:
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    links = set(re.findall(r'href="#([^"]+)"', text))
    assert links <= set(ids)
    assert "table-1-redial--mine" in links
    assert set(re.findall(r'<section id="([^"]+)"', text)) <= links


def test_encoders_head_bertscore_where_scales_meet(text: str, shelf: Shelf) -> None:
    assert "BERTScore (all-MiniLM-L6-v2) ↑" in text
    assert "BERTScore (roberta-large) ↑" in text
    assert "BERTScore (all-MiniLM-L6-v2) ↑" in shelf.text()
