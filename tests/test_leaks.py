from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

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
from interplay_bench.prompting import training_prompt
from interplay_bench.registry import adapter, dataset
from interplay_bench.runner import load as read


@dataset("leaky", splits=("test",))
def load(source):
    'Books, with the target named in the part of the persona that source.data says.'
    books = read("toy")
    leak = {source.data: "Wants Emma or Dune (1965)."}
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
    ("part", "channel"), [("general_preferences", "persona"), ("target_attributes", "attributes"), (None, None)]
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
    assert [name for name in ("persona", "attributes") if rates[name] != "0.0000"] == ([channel] if channel else [])
    assert (f"LEAK in the {channel}, for example d0" in done.stdout) == (part is not None)
