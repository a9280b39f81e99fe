from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interplay_bench.dialogues.dialogue import Item
from interplay_bench.dialogues.markup import title_and_year
from interplay_bench.items.title_leak import LeakKind, leak, scrub
from tests.growth import grows_at_most


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
        ("National Treasure (2004)", "I liked National Treasure: Book of Secrets (2007)", None),
        ("National Treasure (2004)", "I liked National Treasure: what a film (2004)", LeakKind.TITLE),
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


LEAKY = """
from dataclasses import replace

from interplay_bench import Decision, UserSimulator, Verdict
from interplay_bench.dialogues.dialogue import Item, SeenItem
from interplay_bench.dialogues.view_prompt import training_prompt
from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.simulators.adapter import adapter
from interplay_bench.datasets.load import load_dataset as read


@dataset("leaky", splits=("test",))
def load(source):
    'Books, with the target named in the part of the persona that source.data says.'
    books = read("toy")
    text = "Wants Emma or Dune (1965)."
    leak = {source.data: (SeenItem(Item("other", "Other"), text),) if source.data == "history" else text}
    return replace(books, dialogues=tuple(replace(d, persona=replace(d.persona, **leak)) for d in books.dialogues))


@adapter("reader")
class Reader(UserSimulator):
    'Reads prompts.'

    def decide(self, views):
        return [Decision(Verdict.REJECT) for _ in views]

    def prompts(self, views):
        return [training_prompt(view) for view in views]
"""


def test_the_audit_tells_nothing_to_look_for_from_nothing_found(
    cli: Callable[..., subprocess.CompletedProcess[str]], toy: Path, tmp_path: Path
) -> None:
    record = {"conversationId": "1", "initiatorWorkerId": 1, "movieMentions": {}, "initiatorQuestions": {}}
    (tmp_path / "test_data.jsonl").write_text(json.dumps({**record, "messages": [{"senderWorkerId": 1, "text": "hi"}]}))
    (tmp_path / "leaky.py").write_text(LEAKY)
    audit = ("audit", "leaks", "--model", "reader", "--plugin", toy, "--plugin", "leaky.py")
    none = cli(*audit, "--dataset", "redial", "--data", ".")
    assert none.returncode == 2
    assert "No dialogue of 'redial' has a target" in none.stderr
    assert "Left out, having no target: 1 of 12 dialogues." in cli(*audit, "--dataset", "toy").stdout


@pytest.mark.parametrize(
    ("part", "channel"),
    [("general_preferences", "persona"), ("history", "history"), ("target_attributes", "attributes"), (None, None)],
)
def test_the_audit_fails_where_persona_or_attributes_leak(
    cli: Callable[..., subprocess.CompletedProcess[str]],
    toy: Path,
    tmp_path: Path,
    part: str | None,
    channel: str | None,
) -> None:
    (tmp_path / "leaky.py").write_text(LEAKY)
    data = ("--dataset", "toy") if part is None else ("--dataset", "leaky", "--data", part)
    done = cli("audit", "leaks", "--model", "reader", *data, "--plugin", toy, "--plugin", "leaky.py")
    rates = {line.split()[0]: line.split()[-1] for line in done.stdout.splitlines()[2:7]}
    assert done.returncode == (0 if part is None else 1), done.stderr
    assert rates["turns"] != "0.0000"  # the turns may name it, once it was proposed
    assert [name for name in ("persona", "history", "attributes") if rates[name] != "0.0000"] == (
        [channel] if channel else []
    )
    assert (f"LEAK in the {channel}, for example d0" in done.stdout) == (part is not None)


WRITTEN = """
Inception (2010) | inception is what he wants
Inception (2010) | Inception's dreams within dreams
Inception (2010) | wants incepton again
Gladiator (2000) | a film like gladiator
Gladiator (2000) | something like Gladiater
Titanic (1997) | titanic's romance
Titanic (1997) | the titanic story
Parasite (2019) | parasite, or so
Amélie (2001) | a film like amelie
Amélie (2001) | wants amelie's whimsy
Zootopia (2016) | zootopia
Ratatouille (2007) | ratatoullie
Gravity (2013) | something like graviti
Memento (2000) | momento
Birdman (2014) | birdmann
Interstellar (2014) | intersteller
Braveheart (1995) | brave heart
Ghostbusters (1984) | ghost busters
Toy Story 3 (2010) | Toy Story III
Toy Story 3 (2010) | toy story three
Toy Story 3 (2010) | Toy Story Three is wanted
Rocky IV (1985) | Rocky 4
Rocky IV (1985) | rocky four
Rocky V (1990) | rocky 5
Iron Man 2 (2008) | Iron Man II
The Godfather: Part II (1974) | godfather 2
The Godfather: Part II (1974) | The Godfather Part Two
Saw II (2005) | saw 2
Spider-Man (2002) | spiderman
Spider-Man (2002) | Spider Man swings
X-Men (2000) | the Xmen
WALL·E (2008) | Wall-E
Kick-Ass (2010) | kickass
Avengers: Endgame (2019) | avengers end game
Avengers: Endgame (2019) | wants to see Endgame
Léon: The Professional (1994) | leon
Star Wars: The Last Jedi (2017) | the last jedi
The Lord of the Rings: The Return of the King (2003) | lord of the rings
Pirates of the Caribbean: Dead Man's Chest (2006) | Dead Mans Chest
Mission: Impossible - Ghost Protocol (2011) | ghost protocol
Eternal Sunshine of the Spotless Mind (2004) | that eternal sunshine film
Eternal Sunshine of the Spotless Mind (2004) | spotless mind
The Shawshank Redemption (1994) | the one with Shawshank in it
The Shawshank Redemption (1994) | shawshank redemtion
The Grand Budapest Hotel (2014) | the Budapest one
Crouching Tiger, Hidden Dragon (2000) | crouching tiger
Forrest Gump (1994) | forest gump
Forrest Gump (1994) | Forrest Gump's run
The Silence of the Lambs (1991) | silence of the lamb
One Flew Over the Cuckoo's Nest (1975) | one flew over the cuckoos nest
Schindler's List (1993) | schindlers list
Ocean's Eleven (2001) | oceans 11
Ocean's Eleven (2001) | Oceans Eleven
Se7en (1995) | se7en
Pan's Labyrinth (2006) | the pans labyrinth
Good Will Hunting (1997) | good-will-hunting
Good Will Hunting (1997) | GOOD WILL HUNTING
Heat (1995) | Неаt (1995)
Inception (2010) | Inсерtiоn
The Matrix (1999) | Тhe Маtrix
Harry Potter and the Goblet of Fire (2005) | goblet of fire
Indiana Jones and the Temple of Doom (1984) | temple of doom
Seven Samurai (1954) | 7 samurai
Seven (a.k.a. Se7en) (1995) | Se7en
Cidade de Deus (City of God) (2002) | city of god
"""
"""Titles, and texts that give them away to a reader, as people write who do not look them up."""


def test_most_ways_of_writing_a_title_are_caught_and_taken_out() -> None:
    cases = [(item(name), text) for name, text in (line.split(" | ") for line in WRITTEN.strip().split("\n"))]
    caught = [(target, text) for target, text in cases if leak(target, text)]
    assert len(cases) > 60
    assert len(caught) >= len(cases) - 1
    assert not any(leak(target, scrub(target, text)) for target, text in caught)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Toy Story (1995)", "I liked Toy Story 3 (2010)"),
        ("Toy Story 3 (2010)", "toy story two"),
        ("Rocky IV (1985)", "the first rocky, and rocky two"),
        ("John Wick: Chapter 2 (2017)", "two women in chapter two"),
        ("Iron Man (2008)", "a man of iron"),
        ("Frozen (2013)", "she froze"),
        ("Gladiator (2000)", "the gladiators"),
        ("Gravity (2013)", "grave matters"),
        ("Harry Potter and the Goblet of Fire (2005)", "harry the plumber puts out a fire"),
        ("The Shawshank Redemption (1994)", "a story of redemption"),
        ("Good Will Hunting (2020)", "Good Will Hunting (1997)"),
    ],
)
def test_what_is_like_a_title_and_is_none(name: str, text: str) -> None:
    assert leak(item(name), text) is None


def test_other_peoples_personas_raise_no_alarm(data: Path) -> None:
    from interplay_bench.datasets.load import load_dataset

    dialogues = [each for each in load_dataset("redial", str(data / "redial")).dialogues if each.target]
    texts = [each.persona.target_attributes for each in dialogues]
    alarms = looked = 0
    for step in range(1, 9):
        for dialogue, text in zip(dialogues, texts[step:] + texts[:step], strict=True):
            assert dialogue.target is not None
            if dialogue.target.title not in text:
                looked += 1
                alarms += leak(dialogue.target, text) is not None
    assert looked > 800
    assert alarms / looked <= 0.01


@pytest.mark.parametrize("unit", ["heat ", "Inception ", "the dark knights ", '"Big" ', "incepton, "])
def test_the_time_of_scrubbing_grows_with_the_text_not_its_square(unit: str) -> None:
    def look(length: int) -> None:
        text = unit * (length // len(unit))
        for name in ("Inception (2010)", "The Dark Knight (2008)"):
            leak(item(name), text)
            scrub(item(name), text)

    assert grows_at_most(8, look, 6_000)
