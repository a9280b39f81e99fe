from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interplay_bench.dialogue import Item
from interplay_bench.leaks import LeakKind, leak, scrub
from interplay_bench.markup import title_and_year


def item(name: str) -> Item:
    title, year = title_and_year(name)
    return Item(name, title, year)


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("Good Will Hunting (1997)", "I want Good Will Hunting (1997).", LeakKind.EXACT),
        ("Good Will Hunting (1997)", 'I want "Good Will Hunting" (1997).', LeakKind.EXACT),
        ("Good Will Hunting (1997)", "i want good will hunting", LeakKind.TITLE),
        ("Good Will Hunting (1997)", "i want good wil huntin", LeakKind.FUZZY),
        ("Good Will Hunting (1997)", "a remake, Good Will Hunting (2020)", None),
        ("Good Will Hunting (1997)", "hunting for good will", None),
        ("The Shawshank Redemption (1994)", "that shawshank redemtion one", LeakKind.FUZZY),
        ("The Shawshank Redemption (1994)", "a prison film about hope and redemption", None),
        ("It (2017)", "it is what it is. It was.", None),
        ("It (2017)", "watch It (2017)", LeakKind.EXACT),
        ("It (2017)", 'watch "It"', LeakKind.TITLE),
        ("Get Out (2017)", "they get out of there", None),
        ("The Dark Knight (2008)", "a dark night out", None),
        ("The Dark Knight (2008)", "the dark knight", LeakKind.TITLE),
        ("Toy Story 3 (2010)", "Toy Story 2 is nice", None),
        ("Toy Story 3 (2010)", "toy story 3 is nice", LeakKind.TITLE),
        ("Léon: The Professional (1994)", "Leon the Professional", LeakKind.TITLE),
        ("Heat (1995)", "", None),
        ("Heat", "see Heat (1995) now", LeakKind.TITLE),
    ],
)
def test_what_gives_a_title_away(name: str, text: str, kind: LeakKind | None) -> None:
    assert leak(item(name), text) is kind


@pytest.mark.parametrize(
    ("name", "text", "clean"),
    [
        ("Frida (2002)", "A film about Frida Kahlo, frida's art", "A film about … Kahlo, … art"),
        ("It (2017)", "It is a clown. It (2017) scares.", "It is a clown. … scares."),
        ("Forrest Gump (1994)", "FORREST GUMP runs; Forest Gump sits", "… runs; … sits"),
        ("Heat (1995)", "In the heat of the night", "In the heat of the night"),
    ],
)
def test_scrubbing(name: str, text: str, clean: str) -> None:
    assert scrub(item(name), text) == clean


@given(
    st.sampled_from(["Heat (1995)", "It (2017)", "The Dark Knight (2008)", "Amélie", "Up (2009)", "Inception (2010)"]),
    st.lists(
        st.sampled_from(
            ["heat", '"Heat"', "It (2017)", "dark knight", "the dark knights", "“Up”", "amelie", "so", "Inception"]
        )
    ),
)
def test_nothing_leaks_after_scrubbing(name: str, parts: list[str]) -> None:
    assert leak(item(name), scrub(item(name), " ".join(parts))) is None
