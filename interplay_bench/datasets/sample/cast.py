"""Who and what the sample is made of: films with their facts, users with their tastes, and how each of them speaks."""

import random
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SEED = 20
ROUNDS = 6
USERS = 120
SIZES = {"train": 480, "valid": 48, "test": 120}
POOLS = {"test": 90, "valid": 36}  # films recommended in that split alone; train gets the rest

SEED_DIALOGUE = [
    "Seeker: Hi there! I'm in the mood to watch a movie. Can you recommend something?",
    "Recommender: Absolutely! What kind of movie are you in the mood for? Any specific genre or theme?",
]
DECADES = {4: "forties", 5: "fifties", 6: "sixties", 7: "seventies", 8: "eighties", 9: "nineties"}
#: Words that say nothing about a title on their own.
FUNCTION_WORDS = frozenset(
    re.findall(
        r"\S+",
        "a all an and are as at be by can do few for from get good have her his i if in is it it's like me men my no "
        "not of off on once one or out some than that the their this to up was we what when where who will with you "
        "your",
    )
)


@dataclass(frozen=True, eq=False)
class Film:
    """A real film, with traits and a premise of our own wording."""

    title: str
    year: int
    genres: tuple[str, ...]
    directors: tuple[str, ...]
    cast: tuple[str, ...]
    traits: tuple[str, ...]
    premise: str

    @property
    def name(self) -> str:
        """The title as PEARL writes it."""
        return f"{self.title} ({self.year})"


@dataclass(frozen=True, eq=False)
class User:
    """A taste, three films seen, and what the user wrote about them."""

    id: str
    likes: frozenset[str]
    dislikes: frozenset[str]
    seen: tuple[Film, ...]
    persona: str


def load(name: str) -> dict[str, Any]:
    """Read one of the TOML files beside this module."""
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


VOCABULARY: dict[str, dict[str, list[str]]] = load("vocabulary.toml")
PHRASES: dict[str, Any] = load("phrases.toml")
FILMS = [
    Film(
        title=row["title"],
        year=row["year"],
        genres=tuple(row["genres"]),
        directors=tuple(row["directors"]),
        cast=tuple(row["cast"]),
        traits=tuple(row["traits"]),
        premise=row["premise"],
    )
    for row in load("films.toml")["film"]
]


# --- words and leaks ---------------------------------------------------------------------------------------------


@cache
def words(text: str) -> tuple[str, ...]:
    """The words of a text, casefolded."""
    return tuple(re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.casefold()))


@cache
def names(text: str, film: Film) -> bool:
    """Whether the text holds the film's title, without year and leading article, as a run of words."""
    title = words(film.title)
    title = title[1:] if title[0] in {"a", "an", "the"} and len(title) > 1 else title
    text_words = words(text)
    return any(text_words[i : i + len(title)] == title for i in range(len(text_words)))


@cache
def hints(text: str, film: Film) -> bool:
    """Whether the text holds the film's title or any of its distinctive words."""
    return bool((set(words(film.title)) - FUNCTION_WORDS) & set(words(text))) or names(text, film)


# --- choosing words ----------------------------------------------------------------------------------------------


class Voice:
    """Chooses phrases at random, repeating none before it must, among those that hint at no film of `hidden`."""

    def __init__(self, rng: random.Random, hidden: Sequence[Film], used: set[str] | None = None) -> None:
        self.rng = rng
        self.hidden = hidden
        self.used = set() if used is None else used

    def pick(self, options: Iterable[str]) -> str:
        """One of the options."""
        plain = ((option, re.sub(r"{\w+}", " ", option)) for option in options)
        clean = [option for option, text in plain if not any(hints(text, film) for film in self.hidden)]
        choice = self.rng.choice([option for option in clean if option not in self.used] or clean)
        self.used.add(choice)
        return choice

    def form(self, trait: str, kind: str) -> str:
        """A surface form of the trait: praise, ask, pitch or gripe."""
        return self.pick(VOCABULARY[trait][kind])

    def say(self, options: Iterable[str], **slots: str) -> str:
        """A sentence from a template, its slots filled."""
        filled = {option: option.format_map(slots) for option in options if fits(option, slots)}
        text = filled[self.pick(filled)]
        return re.sub(r"(^|[.!?:] )([a-z])", capital, text) if text[:1].islower() else text

    def pair(self, kind: str, first: str, second: str) -> dict[str, str]:
        """The slots of two traits: each alone, and both joined, the plainer one first."""
        a, b = self.form(first, kind), self.form(second, kind)
        x, y = sorted((a, b), key=weight)
        joint = self.rng.choice([", along with ", ", plus "]) if " and " in x or "," in x else " and "
        return {"a": a, "b": b, "ab": x + joint + y}

    def chance(self, probability: float) -> bool:
        """True, that often."""
        return self.rng.random() < probability


def fits(template: str, slots: dict[str, str]) -> bool:
    """Whether every slot of the template has a filling."""
    return set(re.findall(r"{(\w+)}", template)) <= set(slots)


def capital(match: re.Match[str]) -> str:
    """The matched letter in upper case, what stands before it untouched."""
    return match[1] + match[2].upper()


def weight(phrase: str) -> tuple[bool, int]:
    """Orders phrases by how awkward it is to go on after them."""
    return bool(re.search(r" (who|that|how|what|which|and) |,", phrase)), len(phrase)


def written(voice: Voice, film: Film) -> str:
    """The title as a recommender types it: quoted straight or curly or not at all, mostly with the year."""
    style = voice.rng.choices(["straight", "curly", "plain"], [45, 30, 25])[0]
    dated = voice.chance(0.78) or film.title[-1] in ".?!" or (style == "plain" and len(words(film.title)) == 1)
    if style == "plain":
        return film.name if dated else film.title
    left, right = ('"', '"') if style == "straight" else ("“", "”")
    if dated and voice.chance(0.3):
        return f"{left}{film.title}{right} ({film.year})"
    return f"{left}{film.name if dated else film.title}{right}"


# --- traits ------------------------------------------------------------------------------------------------------


@cache
def with_kin(traits: tuple[str, ...] | frozenset[str]) -> frozenset[str]:
    """The traits and those near them in meaning."""
    return frozenset(near for trait in traits for near in (trait, *VOCABULARY[trait].get("kin", ())))


def shared(film: Film, target: Film) -> list[str]:
    """The film's traits that the target has, or nearly has."""
    near = with_kin(target.traits)
    return [trait for trait in film.traits if trait in near]


def unwanted(film: Film, target: Film, user: User) -> list[str]:
    """The film's traits that neither the target nor the user's taste has: grounds for saying no."""
    wanted = with_kin(target.traits) | with_kin(user.likes)
    return [trait for trait in film.traits if trait not in wanted]


# --- users -------------------------------------------------------------------------------------------------------


def make_user(rng: random.Random, number: int, films: Sequence[Film]) -> User:
    """A user: the one to three films they liked define the taste, one or two they did not define the distaste."""
    while True:
        liked = rng.choices([3, 2, 1], [25, 55, 20])[0]
        first, *others = rng.sample(films, len(films))
        likes = set(first.traits)
        seen = [first]
        for film in others:
            if len(seen) < liked and len(likes & set(film.traits)) in (1, 2):
                seen.append(film)
                likes |= set(film.traits)
        likes |= set(rng.choice(others).traits[:2]) if liked == 1 else set()
        bad = [film for film in others if not with_kin(frozenset(likes)) & set(film.traits)]
        grim = bad[:2] if liked == 1 else bad[:1]
        dislikes = {trait for film in grim for trait in rng.sample(film.traits, 2 if liked == 1 else 3)}
        history = [(film, True) for film in seen] + [(film, False) for film in grim][: 3 - liked]
        rng.shuffle(history)
        films_seen = tuple(film for film, _ in history)
        opinions = [
            sayable(film.traits, likes if was_liked else dislikes, "praise" if was_liked else "gripe", films_seen)
            for film, was_liked in history
        ]
        if len(history) == 3 and all(len(traits) >= 2 for traits in opinions):
            text = persona(rng, history, opinions)
            return User(f"sample-user-{number:03}", frozenset(likes), frozenset(dislikes), films_seen, text)


def sayable(traits: Iterable[str], felt: set[str], kind: str, hidden: Sequence[Film]) -> list[str]:
    """The traits felt strongly about for which there are words that hint at no hidden film."""
    return [
        trait
        for trait in traits
        if trait in felt and any(not any(hints(form, film) for film in hidden) for form in VOCABULARY[trait][kind])
    ]


def suits(film: Film, user: User) -> bool:
    """Whether the film could be what the user is looking for."""
    traits = set(film.traits)
    wanted = len(traits & user.likes) >= 2 and not traits & with_kin(user.dislikes)
    return wanted and film not in user.seen and not hints(user.persona, film)


def persona(rng: random.Random, history: Sequence[tuple[Film, bool]], opinions: Sequence[list[str]]) -> str:
    """Reviews of the films seen, which name none of them."""
    texts = []
    voice = Voice(rng, [film for film, _ in history])
    for (_, liked), traits in zip(history, opinions, strict=True):
        first, second = rng.sample(traits, 2)
        mood = "like" if liked else "dislike"
        slots = voice.pair("praise" if liked else "gripe", first, second)
        text = voice.say(PHRASES["review"][mood], **slots)
        if voice.chance(0.6):
            text += " " + voice.pick(PHRASES["review"][f"{mood}_more"])
        texts.append(f"[{mood.title()}] {text}")
    return "\n\n".join(texts)


def target_review(voice: Voice, named: Sequence[str]) -> str:
    """What the user would say of the target, naming these traits."""
    bank = PHRASES["review"]
    sentences = [voice.say(bank["target_open"], **voice.pair("praise", named[0], named[1]))]
    for trait, part in zip(named[2:], ("target_third", "target_fourth"), strict=False):
        sentences.append(voice.say(bank[part], a=voice.form(trait, "praise")))
    return " ".join(sentences)


# --- turns -------------------------------------------------------------------------------------------------------
