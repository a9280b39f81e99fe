"""Compose the `sample` data set: synthetic dialogues about real films, in PEARL's released format.

`python -m interplay_bench.datasets.sample.compose` writes train.json, valid.json and test.json beside this file;
`--check` writes nothing and exits 1 if the committed files differ. The result is the same byte for byte everywhere.
"""

import argparse
import json
import random
import re
import tomllib
from collections import Counter
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


@dataclass
class Scene:
    """One dialogue in the making."""

    rng: random.Random
    user: User
    target: Film
    named: list[str]  # the target's traits that its review names
    turns: list[str]
    wishes: list[str]  # the wanted traits, in the order they will be brought up; used round and round
    ending: str = "plain"  # or "mark" (a trailing [EOD]) or "thanks" (the dialogue runs on)
    turned_down: bool = False  # whether the seeker's last turn was a rejection

    def __post_init__(self) -> None:
        self.voice = Voice(self.rng, [self.target])
        self.open_voice = Voice(self.rng, [], self.voice.used)  # may name the target

    def wish(self) -> str:
        """The next trait to ask for."""
        self.wishes.append(self.wishes.pop(0))
        return self.wishes[-1]

    def two_wishes(self) -> dict[str, str]:
        """The slots for the next two traits to ask for."""
        return self.voice.pair("ask", self.wish(), self.wish())

    def gripe(self, traits: Sequence[str]) -> str:
        """A complaint about one of the traits."""
        return self.voice.form(self.rng.choice(traits), "gripe")

    def seeker(self, *sentences: str) -> None:
        """The seeker's turn."""
        self.turns.append("Seeker: " + " ".join(sentences))

    def recommender(self, *sentences: str) -> None:
        """The recommender's turn."""
        self.turns.append("Recommender: " + " ".join(sentences))


def disclose(scene: Scene) -> None:
    """The seeker says what they are after."""
    voice, bank = scene.voice, PHRASES["seeker"]
    sentences = [voice.say(bank["disclose"], **scene.two_wishes())]
    fond = sorted(scene.user.likes & set(scene.target.traits))
    if scene.rng.random() < 0.4:
        fondly = voice.form(scene.rng.choice(fond), "praise")
        sentences.append(voice.say(bank["disclose_history"], l=fondly))
    if scene.rng.random() < 0.4:
        sentences.append(voice.say(bank["disclose_avoid"], g=scene.gripe(sorted(scene.user.dislikes))))
    scene.seeker(*sentences)


def inquire(scene: Scene, kind: dict[str, list[str]]) -> None:
    """The recommender asks, the seeker answers."""
    scene.turned_down = False
    scene.recommender(scene.voice.pick(kind["ask"]))
    fond = sorted(scene.user.likes & set(scene.target.traits))
    decade = DECADES.get(scene.target.year // 10 % 10 if scene.target.year < 2000 else -1)
    slots = {
        "a": scene.voice.form(scene.wish(), "ask"),
        "g": scene.gripe(sorted(scene.user.dislikes)),
        "l": scene.voice.form(scene.rng.choice(fond), "praise"),
        "genre": PHRASES["genres"][scene.rng.choice(scene.target.genres)],
        "decade": f"the {decade}" if decade else f"the {scene.target.year // 10 * 10}s",
    }
    kept = {key: text for key, text in slots.items() if not hints(text, scene.target)}
    scene.seeker(scene.voice.say(kind["answer"], **kept))


def pitch(scene: Scene, film: Film, traits: Sequence[str]) -> str:
    """The recommender proposes the film, naming these two or three of its traits; the title as written."""
    voice, bank = scene.open_voice, PHRASES["recommender"]
    opening = "next" if scene.turned_down else "first"
    title = written(voice, film)
    intro = voice.say(bank["intro"], t=title, d=" and ".join(film.directors[:2]), c=scene.rng.choice(film.cast[:2]))
    premise = voice.say(bank["premise"], p=film.premise)
    praise = voice.say(bank["traits"], **voice.pair("pitch", traits[0], traits[1]))
    if len(traits) > 2:
        praise += " " + voice.say(bank["third"], a=voice.form(traits[2], "pitch"))
    body = [premise, praise] if voice.chance(0.7) else [praise, premise]
    lead = [voice.pick(bank[opening])] if voice.chance(0.7) else []
    close = [voice.pick(bank["close"])] if voice.chance(0.35) else []
    scene.recommender(*lead, intro, *body, *close)
    return title


def reject(scene: Scene, film: Film, title: str, traits: Sequence[str]) -> None:
    """The seeker turns a distractor down because of a trait just pitched, and asks for something else."""
    voice, bank = scene.voice, PHRASES["reject"]
    tempting = [trait for trait in traits if trait in scene.target.traits]
    bad = [trait for trait in traits if trait in unwanted(film, scene.target, scene.user)]
    hated = [trait for trait in bad if trait in scene.user.dislikes]
    react = voice.say(bank["react"], t=title)
    if tempting:
        slots = {"a": voice.form(tempting[0], "ask"), "g": scene.gripe(hated or bad)}
        reason = voice.say(bank["near_miss"], **slots)
    elif hated and voice.chance(0.6):
        reason = voice.say(bank["disliked"], g=scene.gripe(hated))
    else:
        reason = voice.say(bank["reason"], g=scene.gripe(hated or bad))
    scene.turned_down = True
    restated = voice.say(PHRASES["seeker"]["restate"], **scene.two_wishes())
    scene.seeker(*([react] if voice.chance(0.85) else []), reason, restated)


def accept(scene: Scene, title: str, traits: Sequence[str]) -> None:
    """The seeker takes the target because of traits just pitched."""
    voice, bank = scene.open_voice, PHRASES["seeker"]
    fond = [trait for trait in traits if trait in scene.named]
    scene.seeker(
        voice.say(bank["accept_open"], t=title),
        voice.say(bank["accept_reason"], **voice.pair("ask", fond[0], fond[1])),
        voice.pick(bank["accept_close"]),
    )


# --- a dialogue --------------------------------------------------------------------------------------------------


def pitched(rng: random.Random, sure: Sequence[str], others: Sequence[str]) -> list[str]:
    """Two traits, now and then three, in any order: the sure ones and as many of the others as are needed."""
    chosen = [*sure, *rng.sample(others, min(len(others), max(0, 2 - len(sure))))]
    spare = [trait for trait in others if trait not in chosen]
    if len(chosen) == 2 and rng.random() < 0.3 and spare:
        chosen.append(rng.choice(spare))
    rng.shuffle(chosen)
    return chosen


def distractor(scene: Scene, films: Sequence[Film], used: Counter[str]) -> tuple[Film, list[str]]:
    """A film that is wrong for this user now, and the traits it is pitched with."""
    user, target = scene.user, scene.target
    near_miss = scene.rng.random() < 0.18
    options = [
        film
        for film in films
        if film is not target
        and film not in user.seen
        and len(shared(film, target)) <= 1
        and len(unwanted(film, target, user)) >= 2
        and not any(film.title in turn for turn in scene.turns)
        and not names(f"{film.title} {film.premise} {film.directors} {film.cast}", target)
    ]
    close = [film for film in options if set(film.traits) & set(scene.named)]
    hateful = [film for film in options if set(film.traits) & user.dislikes]
    if near_miss and close:
        options = close
    elif hateful and scene.rng.random() < 0.55:
        options = hateful
    scene.rng.shuffle(options)
    film = min(options, key=lambda option: used[option.title])
    used[film.title] += 1
    bad = unwanted(film, target, user)
    temptation = [trait for trait in film.traits if trait in scene.named] if near_miss else []
    hated = [trait for trait in bad if trait in user.dislikes][:1]
    return film, pitched(scene.rng, temptation + hated, [trait for trait in bad if trait not in hated])


def dialogue(scene: Scene, position: int, films: Sequence[Film], used: Counter[str]) -> list[str]:
    """The turns of a dialogue in which the target comes as recommendation number `position`."""
    rng, voice = scene.rng, scene.voice
    kinds = rng.sample(PHRASES["inquiry"], len(PHRASES["inquiry"]))
    disclose(scene)
    for turn in range(1, position + 1):
        if rng.random() < (0.35 if turn == 1 else 0.18):
            inquire(scene, kinds.pop())
        if turn < position:
            film, traits = distractor(scene, films, used)
            reject(scene, film, pitch(scene, film, traits), traits)
    rest = [trait for trait in scene.target.traits if trait not in scene.named]
    sure = rng.sample(scene.named, 2)
    traits = pitched(rng, sure, [trait for trait in (*scene.named, *rest) if trait not in sure])
    accept(scene, pitch(scene, scene.target, traits), traits)
    if scene.ending == "mark":
        scene.turns[-1] += " [EOD]"
    elif scene.ending == "thanks":
        scene.recommender(voice.pick(PHRASES["recommender"]["bye"]))
        scene.seeker(voice.pick(PHRASES["seeker"]["bye"]))
    return scene.turns


def blank_a_turn(turns: list[str]) -> None:
    """PEARL has turns without text: lose an answer to a question, or else add an empty turn at the end."""
    questions = [i for i, turn in enumerate(turns[:-2]) if i > 2 and turn[:4] == "Reco" and not says_title(turn)]
    if questions:
        turns[questions[0] + 1] = "Seeker: "
    else:
        turns.append("Recommender: " if turns[-1].startswith("Seeker") else "Seeker: ")


def says_title(turn: str) -> bool:
    """Whether a recommender's turn is one of the inquiries' questions, told by its text."""
    return turn.removeprefix("Recommender: ") not in {q for kind in PHRASES["inquiry"] for q in kind["ask"]}


def record(scene: Scene, number: str, turns: list[str]) -> dict[str, Any]:
    """The record in PEARL's released format."""
    film = scene.target
    facts = {"Genre": film.genres, "Director": film.directors, "Cast": film.cast}
    review = target_review(scene.voice, scene.named)
    abstract = [f"Title: {film.name}", *(f"{key}: {', '.join(value)}" for key, value in facts.items())]
    return {
        "data_id": number,
        "user_id": scene.user.id,
        "user_persona": scene.user.persona,
        "seen_movie_titles": [seen.name for seen in scene.user.seen],
        "gt_movie_title": film.name,
        "gt_genre": ", ".join(film.genres),
        "gt_director": ", ".join(film.directors),
        "gt_cast": ", ".join(film.cast),
        "gt_abstract": "\n".join([*abstract, f"Review: {review}"]),
        "dialogue": turns,
    }


def check(row: dict[str, Any], film: Film) -> None:
    """Fail if anything that a seeker may know before the recommendation gives the target away."""
    opened = next(i for i, turn in enumerate(row["dialogue"]) if names(turn, film))
    review = row["gt_abstract"].split("Review: ")[1]
    wishes = [turn for turn in row["dialogue"][2:opened] if turn.startswith("Seeker")]
    for text in (row["user_persona"].replace("[Like]", ""), review, *(unquoted(wish) for wish in wishes)):
        if hints(text, film):
            raise AssertionError(f"{row['data_id']}: {text!r} hints at {film.name}")


def unquoted(turn: str) -> str:
    """A seeker's turn without the distractor's title that it may repeat."""
    for template in PHRASES["reject"]["react"]:
        if "{t}" in template:
            turn = re.sub(re.escape(template).replace(r"\{t\}", ".*?"), "", turn, count=1)
    return turn


# --- the splits --------------------------------------------------------------------------------------------------


def pools(rng: random.Random) -> dict[str, list[Film]]:
    """The films recommended in each split: no film is recommended in two of them."""
    films = rng.sample(FILMS, len(FILMS))
    cut = POOLS["test"] + POOLS["valid"]
    return {"test": films[: POOLS["test"]], "valid": films[POOLS["test"] : cut], "train": films[cut:]}


def make_split(split: str, films: Sequence[Film], users: Sequence[User]) -> list[dict[str, Any]]:
    """The records of a split; targets stand equally often in each of the six positions."""
    rng = random.Random(f"{SEED} {split}")
    positions = [1 + i % ROUNDS for i in range(SIZES[split])]
    rng.shuffle(positions)
    marked, thankful = round(0.15 * SIZES[split]), round(0.08 * SIZES[split])
    endings = ["mark"] * marked + ["thanks"] * thankful + ["plain"] * (SIZES[split] - marked - thankful)
    rng.shuffle(endings)
    blanks = set(rng.sample(range(SIZES[split]), SIZES[split] // 40)) if split == "train" else set()
    targets, distractors, had, rows = Counter[str](), Counter[str](), set[tuple[str, str]](), []
    for i, position in enumerate(positions):
        user = users[i % len(users)]
        options = [f for f in films if suits(f, user) and (user.id, f.title) not in had]
        rng.shuffle(options)
        target = min(options, key=lambda film: targets[film.title])
        targets[target.title] += 1
        had.add((user.id, target.title))
        named = rng.sample(target.traits, rng.choice([3, 4]))
        scene = Scene(rng, user, target, named, list(SEED_DIALOGUE), [], endings[i])
        scene.wishes = [*named, *(trait for trait in target.traits if trait not in named)]
        turns = dialogue(scene, position, films, distractors)
        if i in blanks:
            blank_a_turn(turns)
        rows.append(record(scene, f"sample-{split}-{i:04}", turns))
        check(rows[-1], target)
    return rows


def compose() -> dict[str, str]:
    """The text of every data file, by file name."""
    rng = random.Random(f"{SEED} users")
    films = pools(rng)
    users: list[User] = []
    while len(users) < USERS:
        user = make_user(rng, len(users) + 1, films["train"])
        if all(sum(suits(film, user) for film in films[split]) >= 5 for split in SIZES):
            users.append(user)
    splits = {split: make_split(split, films[split], users) for split in SIZES}
    return {
        f"{split}.json": "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"
        for split, rows in splits.items()
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Write the data files, or check them."""
    parser = argparse.ArgumentParser(prog="python -m interplay_bench.datasets.sample.compose", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the committed files differ")
    arguments = parser.parse_args(argv)
    stale = 0
    for name, text in compose().items():
        path = HERE / name
        if not arguments.check:
            path.write_bytes(text.encode())
        elif not path.exists() or path.read_bytes() != text.encode():
            print(f"{name} differs from what compose.py makes; run without --check to regenerate it")
            stale = 1
    return stale


if __name__ == "__main__":
    raise SystemExit(main())
