"""Compose the `sample` data set: synthetic dialogues about real films, in PEARL's released format.

`python -m interplay_bench.datasets.sample.compose` writes train.json, valid.json and test.json beside this file;
`--check` writes nothing and exits 1 if the committed files differ. The result is the same byte for byte everywhere.
"""

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from interplay_bench.datasets.sample.cast import (
    DECADES,
    FILMS,
    HERE,
    PHRASES,
    POOLS,
    ROUNDS,
    SEED,
    SEED_DIALOGUE,
    SIZES,
    USERS,
    Film,
    User,
    Voice,
    hints,
    make_user,
    names,
    shared,
    suits,
    target_review,
    unwanted,
    written,
)


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
