from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.items.title_index import TitleIndex, place
from interplay_bench.items.title_words import key
from tests.growth import grows_at_most

NAMES = """
Good Will Hunting (1997); It (1990); It (2017); Her (2013); Up (2009); Us (2019); Big (1988); The Matrix (1999)
Amélie (2001); Lock, Stock & Two Smoking Barrels (1998); Get Out (2017); Heat (1995); The Ring (2002); Ring (1998)
Iron Man (2008); Iron Man 2 (2010); Toy Story (1995); Lion King, The (1994); The Lion King (2019); Moulin Rouge! (2001)
E.T. the Extra-Terrestrial (1982); (500) Days of Summer (2009); Stan (2006); Inception (2010); Star Wars
Star Wars (1977); Léon: The Professional (1994); Ocean's Eleven (2001)
"""


def item(name: str) -> Item:
    title, year = title_and_year(name)
    return Item(name, title, year)


CATALOG = TitleIndex(item(name.strip()) for name in NAMES.replace("\n", ";").split(";") if name.strip())


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("good will hunting", "Good Will Hunting (1997)"),
        ("Good  Will   Hunting (1997)", "Good Will Hunting (1997)"),
        ("AMELIE", "Amélie (2001)"),
        ("Lock Stock and Two Smoking Barrels", "Lock, Stock & Two Smoking Barrels (1998)"),
        ("Matrix", "The Matrix (1999)"),
        ("Matrix, The", "The Matrix (1999)"),
        ("The Lion King (1994)", "Lion King, The (1994)"),
        ("E.T. The Extra Terrestrial", "E.T. the Extra-Terrestrial (1982)"),
        ("ET the extra-terrestrial", "E.T. the Extra-Terrestrial (1982)"),
        ("Ocean’s Eleven", "Ocean's Eleven (2001)"),
        ("Oceans Eleven", "Ocean's Eleven (2001)"),
        ("Leon - the professional", "Léon: The Professional (1994)"),
        ("500 Days of Summer", "(500) Days of Summer (2009)"),
    ],
)
def test_a_title_is_found_however_it_is_written(asked: str, found: str) -> None:
    assert CATALOG.find(asked) == item(found)


def test_remakes_are_told_apart_by_year() -> None:
    assert CATALOG.find("It (1990)") == item("It (1990)")
    assert CATALOG.find("It", 2017) == item("It (2017)")


def test_without_a_year_the_newest_is_meant_unless_one_has_none() -> None:
    assert CATALOG.find("It") == item("It (2017)")
    assert CATALOG.find("Star Wars") == item("Star Wars")


def test_the_article_decides_between_titles_that_differ_in_nothing_else() -> None:
    assert CATALOG.find("The Ring") == item("The Ring (2002)")
    assert CATALOG.find("Ring") == item("Ring (1998)")


def test_a_year_may_be_one_off_but_no_more() -> None:
    assert CATALOG.find("Heat (1996)") == item("Heat (1995)")
    assert CATALOG.find("Heat (2003)") is None
    assert CATALOG.find("No Such Film") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I loved “Good Will Hunting (1997)” a lot", ["Good Will Hunting (1997)"]),
        ('"Good Will Hunting" (1997) it is', ["Good Will Hunting"]),
        ("I loved good will hunting", ["good will hunting"]),
        ('Try "Heat," he said', ["Heat"]),
        ("What about Heat (1995)?", ["Heat (1995)"]),
        ("In the heat of it all, up to us, her big day was great. It was. Up we go.", []),
        ('"It" was scary, It (2017) too', ["It", "It (2017)"]),
        ("I'd pick 'Up' or ‘Her’", ["Up", "Her"]),
        ("We had to get out of here", []),
        ("Have you seen Get Out?", ["Get Out"]),
        ("HAVE YOU SEEN GET OUT", []),
        ("I love The Matrix's effects", ["The Matrix"]),
        ("Iron Man 2 is better than Iron Man", ["Iron Man 2", "Iron Man"]),
        ("Toy Story 3 made me cry", []),
        ('"The Matrix Reloaded" made me cry', []),
        ("See the lion king", ["the lion king"]),
        ("Matrix, The (1999) is a classic", ["Matrix, The (1999)"]),
        ("Is there anything else?", []),
        ("Moulin Rouge! is fun", ["Moulin Rouge!"]),
        ("I like Stan Lee", []),
        ("I like Stan", ["Stan"]),
        ("I like the Ring (1998)", ["Ring (1998)"]),
        ("I watched The Ring, then the ring", ["The Ring"]),
        ("amelie", []),
        ("", []),
    ],
)
def test_titles_in_free_text(text: str, found: list[str]) -> None:
    assert [text[m.start : m.end] for m in CATALOG.mentions(text)] == found


def test_the_year_in_the_text_chooses_the_item() -> None:
    first, second = CATALOG.mentions("The Lion King (1994), or The Lion King?")
    assert (first.item, second.item) == (item("Lion King, The (1994)"), item("The Lion King (2019)"))


def test_place_does_not_mind_case_or_spaces_but_minds_ordinary_words() -> None:
    assert place(item("Avengers: Endgame (2019)"), "saw avengers end game") == (4, 21)
    assert place(item("It (2017)"), "it is on") is None
    assert place(item("Mine (2016)"), "Mine is drama") is None
    assert place(item("It (2017)"), "the new IT film") == (8, 10)
    assert place(item("Heat (1995)"), "no such thing") is None


def test_without_a_year_popularity_decides_before_novelty() -> None:
    old, new = item("Jumanji (1995)"), item("Jumanji (2017)")
    assert TitleIndex([old, new]).find("Jumanji") == new
    assert TitleIndex([old, new], {old.id: 2, new.id: 1}).find("Jumanji") == old
    assert TitleIndex([old, new], {old.id: 2}).find("Jumanji (2017)") == new


@given(st.text(max_size=200))
def test_any_text_can_be_searched(text: str) -> None:
    end = 0
    for mention in CATALOG.mentions(text):
        assert end <= mention.start < mention.end <= len(text)
        end = mention.end


@given(st.text(max_size=40))
def test_any_title_can_be_asked_for(title: str) -> None:
    CATALOG.find(title)
    assert key(title) == key(title.upper().lower()) or not title.isascii()


def test_a_search_among_ten_thousand_titles_does_not_look_at_each() -> None:
    rng = random.Random(0)
    vocabulary = ["".join(rng.choices("abcdefghij", k=5)) for _ in range(3000)]
    named = [Item(str(n), " ".join(rng.choices(vocabulary, k=rng.randint(2, 4))).title(), 1990) for n in range(10_000)]
    catalogs = {size: TitleIndex(named[:size]) for size in (1250, 10_000)}
    texts = [" ".join(rng.choices(vocabulary, k=30)) for _ in range(500)]
    assert grows_at_most(3, lambda size: [catalogs[size].mentions(text) for text in texts], 1250, factor=8)


KNOWN = TitleIndex(
    item(name)
    for name in (
        *(
            "The Dark Knight (2008)",
            "The Godfather (1972)",
            "Star Trek (2009)",
            "Mission: Impossible (1996)",
            "Heat (1995)",
        ),
        *(
            "Wonder Woman (2017)",
            "Blade Runner (1982)",
            "Robin Hood (1991)",
            "A (1998)",
            "Die",
            "Airport (1979)",
            "X (1986)",
        ),
        *(
            "Ronin (1998)",
            "The Karate Kid (1984)",
            "Money (1993)",
            "Vampire (2011)",
            "Alien (1979)",
            "Alexander (2004)",
        ),
    )
)


@pytest.mark.parametrize(
    ("title", "dated"),
    [
        ("The Dark Knight Rises", " (2012)"),
        ("The Godfather Part III", " (1990)"),
        ("Godfather: Part III", " (1990)"),
        ("Star Trek Into Darkness", " (2013)"),
        ("Mission: Impossible – Fallout", " (2018)"),
        ("Mission: Impossible - Fallout", " (2018)"),
        ("Wonder Woman 1984", " (2020)"),
        ("Blade Runner 2049", " (2017)"),
        ("Alien: Covenant", " (2017)"),
        ("Alien vs. Predator", " (2004)"),
    ],
)
def test_a_longer_title_is_one_unknown_title(title: str, dated: str) -> None:
    for name in (title, title + dated, f'"{title}"', f'"{title}"{dated}', f"“{title}{dated}”"):
        text = f"I think that you should try {name} tonight."
        found = KNOWN.search(text)
        assert not found.mentions, text
        assert len(found.unknown) == 1, text
        (other,) = found.unknown
        assert title in text[other.start : other.end]
        assert other.item.year == (int(dated[2:6]) if dated in name else None)


@pytest.mark.parametrize(
    "title",
    [
        "Robin Hood: Prince of Thieves (1993)",
        "Karate Kid, Part II, The (1986)",
        "Simple Wish, A (1997)",
        "Tin Drum, The (Blechtrommel, Die) (1979)",
        "Airport '77 (1977)",
        "F/X (1986)",
        "For Love or Money (1994)",
        "Vampire in Brooklyn (1995)",
        "Fanny and Alexander (1982)",
        "One, Two, Three (1961)",
        "Die Hard: With a Vengeance (1995)",
    ],
)
def test_what_only_holds_a_known_title_is_not_it(title: str) -> None:
    assert not KNOWN.search(f"You should watch {title}.").mentions


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I like Airport and Ronin (1998)", ["Airport (1979)", "Ronin (1998)"]),
        ("Try Airport, Ronin and Alien.", ["Airport (1979)", "Ronin (1998)", "Alien (1979)"]),
        (
            "I Loved The Dark Knight (2008) Also Heat (1995) And Ronin (1998)",
            ["The Dark Knight (2008)", "Heat (1995)", "Ronin (1998)"],
        ),
        ("Have you seen The Dark Knight? It is great", ["The Dark Knight (2008)"]),
        ("I watched Blade Runner 3 times", ["Blade Runner (1982)"]),
        ("I saw Blade Runner 1982", ["Blade Runner (1982)"]),
        ("The Dark Knight is great. Rises a bit late.", ["The Dark Knight (2008)"]),
    ],
)
def test_titles_side_by_side_are_titles(text: str, found: list[str]) -> None:
    assert [mention.item.id for mention in KNOWN.mentions(text)] == found


ALSO = TitleIndex(
    item(name)
    for name in (
        "Seven (a.k.a. Se7en) (1995)",
        "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
        "Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)",
        "Spirited Away (Sen to Chihiro no kamikakushi) (2001)",
        "Boot, Das (Boat, The) (1981)",
        "Die, Monster, Die! (1965)",
        "$ (1971)",
        "Spider-Man II (2004)",
        "M*A*S*H (1970)",
        "हिन्दी मीडियम (2017)",
        "Avventura, L' (Adventure, The) (1960)",
        "Andalusian Dog, An (Chien andalou, Un) (1929)",
        "Il Postino (1994)",
        "[REC] (2007)",
    )
)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("Seven", 0),
        ("Se7en (1995)", 0),
        ("Seven (a.k.a. Se7en)", 0),
        ("The City of Lost Children", 1),
        ("La Cité des Enfants Perdus", 1),
        ("Amélie", 2),
        ("Ame\u0301lie (2001)", 2),
        ("Le Fabuleux Destin d'Amelie Poulain", 2),
        ("Spirited Away", 3),
        ("Sen to Chihiro no Kamikakushi (2001)", 3),
        ("Das Boot", 4),
        ("The Boat (1981)", 4),
        ("Die, Monster, Die", 5),
        ("Monster, Die", None),
        ("$", 6),
        ("???", None),
        ("Spiderman 2", 7),
        ("Spider Man Two (2004)", 7),
        ("MASH", 8),
        ("हिन्दी मीडियम", 9),
        ("हन्द मडयम", None),
        ("L’avventura (1960)", 10),
        ("Un chien andalou", 11),
        ("Postino, Il (1994)", 12),
    ],
)
def test_either_title_of_an_item_finds_it(asked: str, found: int | None) -> None:
    assert ALSO.find(asked) == (None if found is None else ALSO.items[found])


def test_alternative_titles_and_marks_in_free_text() -> None:
    text = "I liked Ame\u0301lie, Spirited Away (Sen to Chihiro no kamikakushi) (2001) and Se7en (1995)."
    found = ALSO.mentions(text)
    assert [mention.item for mention in found] == [ALSO.items[2], ALSO.items[3], ALSO.items[0]]
    assert text[found[0].start : found[0].end] == "Ame\u0301lie"


def test_articles_and_brackets_behind_titles_in_free_text() -> None:
    text = "Avventura, L' (1960) or Postino, Il (1994), L'Avventura (1960), [REC] (2007), or Dolce Vita, La (1960)."
    found = ALSO.search(text)
    assert [mention.item for mention in found.mentions] == [ALSO.items[each] for each in (10, 12, 10, 13)]
    assert [mention.item.name for mention in found.unknown] == ["Dolce Vita, La (1960)"]


@pytest.mark.parametrize("unit", [" ", "- ", "or ", "A ", "(a) "])
def test_the_time_of_taking_a_title_in_grows_with_it_not_its_square(unit: str) -> None:
    items = [Item(str(number), f"Heat{unit * (2000 * number // len(unit))}x", 1995) for number in (1, 4)]
    assert grows_at_most(8, lambda size: TitleIndex([items[size > 1]]), 1)


@pytest.mark.parametrize(
    "unit", ['"Big Fish" ', "The Big Fish and ", 'The "', "Heat (1995), ", "Heat: ", "( (1995) ", "Heat - The "]
)
def test_the_time_of_a_search_grows_with_the_text_not_its_square(unit: str) -> None:
    assert grows_at_most(8, lambda length: KNOWN.search(unit * (length // len(unit))), 10_000)


def test_a_part_of_a_quoted_title_is_no_mention_of_another() -> None:
    catalog = TitleIndex((Item("1", "Heat", 1995), Item("2", "Red Dawn", 1984)))
    found = catalog.search('I saw "Body Heat" and "Heat" and "Dead Heat on Red Dawn Street".')
    assert [mention.item.title for mention in found.mentions] == ["Heat"]
    assert [mention.item.title for mention in found.unknown] == ["Body Heat", "Dead Heat on Red Dawn Street"]


def test_a_year_may_be_one_off_and_no_more() -> None:
    catalog = TitleIndex((Item("1", "Heat", 1995),))
    for year in range(1991, 2000):
        known = catalog.find("Heat", year)
        assert (known is not None) == (abs(year - 1995) <= 1), year
        found = catalog.search(f"You could watch Heat ({year}) tonight.")
        assert [len(found.mentions), len(found.unknown)] == ([1, 0] if abs(year - 1995) <= 1 else [0, 1]), year


@pytest.mark.parametrize("title", ["Heat of Dawn", "Heat Wave", "Heat: Wave", "Heat Wave of Terror"])
def test_a_longer_title_is_read_to_the_last_word_of_the_text(title: str) -> None:
    catalog = TitleIndex((Item("1", "Heat", 1995),))
    for end in ("", ".", " tonight."):
        found = catalog.search(f"You could watch {title}{end}")
        assert not found.mentions
        assert [mention.item.title for mention in found.unknown] == [title]
