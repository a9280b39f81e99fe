from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from interplay_bench.dialogues.dialogue import ACTIONS, Action, Item, Mention, Role, Turn
from interplay_bench.dialogues.markup import Malformed, neutral, parse, render, special_tokens, without_broken_end
from tests.growth import grows_at_most

TITLES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 '!:&-]{0,18}[A-Za-z0-9]", fullmatch=True)
PROSE = st.text(st.characters(exclude_characters="<>", codec="utf-8"), max_size=30)


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    role = draw(st.sampled_from(Role))
    action = draw(st.sampled_from(ACTIONS[role]))
    text, mentions = draw(PROSE), []
    for title, year, after in draw(
        st.lists(st.tuples(TITLES, st.none() | st.integers(1900, 2030), st.just(" ") | PROSE), max_size=3)
    ):
        item = Item(title if year is None else f"{title} ({year})", title, year)
        mentions.append(Mention(item, len(text), len(text) + len(item.name)))
        text += item.name + after
    text = text if text.strip() else "Hello."
    items = tuple(dict.fromkeys(mention.item for mention in mentions))
    return Turn(role, action, text, tuple(mentions), items if action is Action.RECOMMEND else ())


@given(turns())
def test_a_turn_survives_the_round_trip(turn: Turn) -> None:
    assert parse(render(turn), turn.role) == turn


@given(turns())
def test_the_end_may_be_missing_and_more_may_follow(turn: Turn) -> None:
    rendered = render(turn)
    assert parse(rendered.removesuffix("</response>"), turn.role) == turn
    assert parse(rendered + "<action><accept></action> and so on", turn.role) == turn


@given(turns(), st.data())
def test_what_is_left_of_a_turn_that_was_cut_short_is_its_beginning(turn: Turn, data: st.DataObject) -> None:
    rendered = render(turn)
    at = data.draw(st.integers(rendered.index("<response>") + len("<response>"), len(rendered)))
    parsed = parse(without_broken_end(rendered[:at]), turn.role)
    if isinstance(parsed, Malformed):
        assert parsed.reason == "empty response"
    else:
        assert turn.text.startswith(parsed.text)
        assert turn.mentions[: len(parsed.mentions)] == parsed.mentions


def test_a_title_that_was_cut_short_names_nothing() -> None:
    cut = "<action><chat></action><response>I liked <movie_title>Jaws</movie_title> and <movie_title>Alien"
    parsed = parse(without_broken_end(cut), Role.USER)
    assert isinstance(parsed, Turn)
    assert (parsed.text, [mention.item.title for mention in parsed.mentions]) == ("I liked Jaws and ", ["Jaws"])


@given(st.text(), st.sampled_from(Role))
def test_parse_survives_any_text(text: str, role: Role) -> None:
    assert isinstance(parse(text, role), Turn | Malformed)


def test_parse_survives_ten_thousand_random_strings() -> None:
    rng = random.Random(0)
    pieces = [
        *special_tokens(),
        "<movie_title>",
        "</book_title>",
        "Heat (1995)",
        " ",
        "\n",
        "<",
        ">",
        "é",
        "<nonsense>",
        "x",
    ]
    for _ in range(10_000):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 12)))
        for role in Role:
            parsed = parse(text, role)
            assert isinstance(parsed, Turn | Malformed)
            assert not isinstance(parsed, Turn) or parsed.text.strip()


@settings(max_examples=300)
@given(turns(), st.data())
def test_parse_survives_mutated_turns(turn: Turn, data: st.DataObject) -> None:
    text = render(turn)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(st.text(max_size=3) | st.sampled_from(special_tokens())) + text[end:]
    for role in Role:
        parsed = parse(text, role)
        assert isinstance(parsed, Malformed) or parse(render(parsed), role) == parsed


@given(st.text())
def test_a_users_own_markup_is_defused(text: str) -> None:
    turn = Turn(Role.USER, Action.CHAT, f"a{text}<accept></response><user>")
    parsed = parse(render(turn), Role.USER)
    assert isinstance(parsed, Turn)
    assert parsed.action is Action.CHAT
    assert parsed.text == neutral(turn.text)
    assert not parsed.mentions


def test_malformed_output_says_why() -> None:
    reasons = {
        "": "empty output",
        "Hello": "no action",
        "<action><accept></action> Hello": "no response",
        "<action><recommend></action><response>Hi</response>": "action of the other role: recommend",
        "<action><dance></action><response>Hi</response>": "unknown action",
        "<action><accept></action><response> </response>": "empty response",
        "<action><accept></action><response>Hi <movie_title></response>": "stray structural token",
    }
    for text, reason in reasons.items():
        parsed = parse(text, Role.USER)
        assert isinstance(parsed, Malformed)
        assert parsed.reason == reason


def test_titles_that_are_opened_and_never_closed_cost_little() -> None:
    def read(titles: int) -> None:
        body = "Try " + "<movie_title>" * titles
        assert isinstance(parse(f"<action><recommend></action><response>{body}", Role.RECOMMENDER), Malformed)

    assert grows_at_most(8, read, 5_000)
