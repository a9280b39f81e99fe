"""SGD (Rastogi et al. 2020): task dialogues in services that offer something, with the fate of each offer.

A *proposal* is an offer of a service that recommends (restaurants, music, films, hotels, ...); offers of times, flights
and balances are none, nor is a second offer of what was proposed when it has no label. An *acceptance* is an offer
labelled ``accept`` (the user's next act in that service selects it), a *rejection* one that they ask alternatives to.
The *target* is the first item accepted. Actions come from the annotated acts, not from rules. There is no persona: in
``sgd`` the user's own words before the first offer stand for it, in ``sgd-goal`` all that they ask of an item until
they take one, which is what the user whom SGD's authors simulated had in mind from the start.

Read from the derived files ``train``, ``dev`` and ``test.jsonl.gz``, a dialogue a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from interplay_bench.datasets.dataset_entry import dataset
from interplay_bench.datasets.first_half import RECIPE, first_half_persona
from interplay_bench.datasets.reading import (
    Row,
    UniqueIds,
    check_split,
    json_rows,
    locate,
    need,
    need_rows,
    shortened,
    tidy,
)
from interplay_bench.dialogues.dialogue import Action, Dialogue, Item, Mention, Persona, Role, Turn
from interplay_bench.dialogues.dialogue_set import DialogueSet, Preprocessing, Source
from interplay_bench.environment.errors import DataError
from interplay_bench.items.title_index import place
from interplay_bench.items.title_leak import scrub

SPLITS = ("train", "valid", "dev", "test")
DOMAINS = {
    "Restaurants": "restaurant", "Music": "music", "Movies": "movie", "Media": "movie", "Hotels": "hotel",
    "Travel": "attraction", "Events": "event", "Homes": "home", "RentalCars": "car", "Services": "service",
}  # fmt: skip
"""The services whose offers are recommendations, by the first part of their name, and what they offer."""
_NAMES = (
    "restaurant_name", "movie_name", "title", "movie_title", "song_name", "track", "hotel_name", "place_name",
    "attraction_name", "event_name", "property_name", "car_name", "stylist_name", "dentist_name", "doctor_name",
    "therapist_name", "theater_name", "address",
)  # fmt: skip
"""The slots that name what is offered, the likeliest first."""
GOAL = "persona made of what the user asks of an item until they take one (goal-1)"
"""What a preprocessing report calls the personas of ``sgd-goal``; the number changes with the recipe."""
Personas = Callable[[Row, Sequence[Turn], Item | None], Persona]
"""Makes a persona of a row, its turns and the target."""
_LABELS = {"accept": True, "reject": False}
_ROLES = {"USER": Role.USER, "SYSTEM": Role.RECOMMENDER}
_USER_ACTIONS = (
    ({"SELECT"}, Action.ACCEPT),
    ({"REQUEST_ALTS", "NEGATE", "NEGATE_INTENT", "REQUEST", "AFFIRM", "AFFIRM_INTENT"}, Action.FEEDBACK),
    ({"INFORM", "INFORM_INTENT"}, Action.DISCLOSE_GOAL),
)


@dataset("sgd", splits=SPLITS)
def load(source: Source) -> DialogueSet:
    """SGD: task dialogues with offers accepted and rejected in ten domains (--data FILE or folder)."""
    return _read("sgd", source, lambda row, turns, target: first_half_persona(turns, target), RECIPE)


@dataset("sgd-goal", splits=SPLITS)
def load_with_goals(source: Source) -> DialogueSet:
    """SGD with the user's goal as persona: all that they ask of an item until they take one (--data FILE or folder)."""
    return _read("sgd-goal", source, _goal, GOAL)


def _read(name: str, source: Source, personas: Personas, recipe: str) -> DialogueSet:
    check_split(name, source.split, SPLITS)
    stem = "dev" if source.split == "valid" else source.split
    path = locate("SGD", source, (f"{stem}.jsonl.gz", f"{stem}.jsonl"))
    report = Preprocessing()
    unique = UniqueIds(report.repairs)
    items: dict[Item, None] = {}
    dialogues: list[Dialogue] = []
    for number, row in json_rows(path):
        report.rows += 1
        dialogue = _dialogue(row, f"line {number} of {path}", unique, report, personas)
        if dialogue is not None:
            dialogues.append(dialogue)
            items.update(dict.fromkeys(item for turn in dialogue.turns for item in turn.recommended))
    need_rows(report.rows, path)
    report.repairs[recipe] = len(dialogues)
    return DialogueSet(name, source.split, tuple(dialogues), tuple(items), report)


def _dialogue(row: Row, where: str, unique: UniqueIds, report: Preprocessing, personas: Personas) -> Dialogue | None:
    name = need(row, "dialogue_id", str, where)
    labels = _labels(row, where)
    turns: list[Turn] = []
    verdicts: dict[int, bool] = {}
    named: set[str] = set()
    for number, said in enumerate(need(row, "turns", list, where)):
        place_of = f"turn {number} of {where}"
        if not isinstance(said, dict):
            raise DataError(f"T{place_of[1:]} is a {type(said).__name__}, where an object is needed.")
        turn = _turn(said, labels.get(number), named, place_of)
        if not turn.text:
            report.turns_dropped["turn without text"] += 1
            continue
        if turn.recommended and number in labels:
            verdicts[len(turns)] = labels[number]
        named.update(item.title for item in turn.recommended)
        turns.append(turn)
    if not turns:
        report.dropped["no turn with text"] += 1
        return None
    if len(verdicts) < len(labels):
        report.repairs["label of a turn that offers nothing: left out"] += len(labels) - len(verdicts)
    accepted = next((turns[index] for index in sorted(verdicts) if verdicts[index]), None)
    following = () if accepted is None else turns[turns.index(accepted) + 1 :]
    target = None if accepted is None else _selected(accepted.recommended, following)
    own = unique(name)
    return Dialogue(own, own, personas(row, turns, target), target, tuple(turns), verdicts=verdicts)


def _labels(row: Row, where: str) -> dict[int, bool]:
    """Whether the offer of each labelled turn was accepted."""
    labels = {}
    for offer in need(row, "offers", list, where):
        known = isinstance(offer, dict) and isinstance(offer.get("turn"), int) and str(offer.get("label")) in _LABELS
        if not known:
            raise DataError(f"An offer in {where} is {shortened(repr(offer))}, where a turn and its label are needed.")
        labels[offer["turn"]] = _LABELS[offer["label"]]
    return labels


def _turn(said: Mapping[str, Any], label: bool | None, named: set[str], where: str) -> Turn:
    speaker = need(said, "speaker", str, where)
    if speaker not in _ROLES:
        raise DataError(f"'speaker' in {where} is {shortened(repr(speaker))}, where USER or SYSTEM is needed.")
    role, text = _ROLES[speaker], tidy(need(said, "utterance", str, where))
    frames = need(said, "frames", list, where)
    if not all(isinstance(frame, dict) for frame in frames):
        raise DataError(f"'frames' in {where} is {shortened(repr(frames))}, where a list of objects is needed.")
    acts = {act for frame in frames for act, _, _ in _acts(frame, where)}
    if role is Role.USER:
        action = next((action for those, action in _USER_ACTIONS if acts & those), Action.CHAT)
        return Turn(role, action, text)
    offered = dict.fromkeys(item for frame in frames for item in _offered(frame, where))
    mentions = _mentions(offered, text)
    proposed = tuple(item for item in offered if label is not None or item.title not in named)
    action = Action.RECOMMEND if proposed else Action.INQUIRE if "REQUEST" in acts else Action.CHAT
    return Turn(role, action, text, mentions, proposed)


def _acts(frame: Mapping[str, Any], where: str) -> Iterator[tuple[str, str, list[str]]]:
    for act in need(frame, "acts", list, where):
        if not (isinstance(act, list) and len(act) == 3 and isinstance(act[2], list)):
            raise DataError(f"An act in {where} is {shortened(repr(act))}, where [act, slot, values] is needed.")
        yield str(act[0]), str(act[1]), [str(value) for value in act[2]]


def _offered(frame: Mapping[str, Any], where: str) -> Iterator[Item]:
    """What a frame offers: several where its name slot has several values."""
    service = str(frame.get("service", "")).partition("_")[0]
    slots = {slot: values for act, slot, values in _acts(frame, where) if act == "OFFER" and values}
    if service not in DOMAINS or not slots:
        return
    name = next((slot for slot in _NAMES if slot in slots), next(iter(slots)))
    facts = {slot: tuple(values) for slot, values in slots.items() if slot != name}
    # Offers differ in more than the name: the same event on another day is another offer.
    details = [f"{slot}={','.join(values)}" for slot, values in sorted(facts.items())]
    for title in filter(str.strip, slots[name]):
        yield Item("/".join([service, title, *details]), title, None, DOMAINS[service], facts)


def _mentions(offered: Mapping[Item, None], text: str) -> tuple[Mention, ...]:
    found: list[Mention] = []
    for item in sorted(offered, key=lambda item: -len(item.title)):
        at = text.find(item.title)
        span = (at, at + len(item.title)) if at >= 0 else place(item, text)
        if span is not None and all(span[1] <= m.start or m.end <= span[0] for m in found):
            found.append(Mention(item, *span))
    return tuple(sorted(found, key=lambda mention: mention.start))


def _selected(offered: Sequence[Item], following: Sequence[Turn]) -> Item:
    """Of several items offered at once, the one that is spoken of first afterwards; else the first offered."""
    for turn in following:
        for item in offered:
            if len(offered) > 1 and place(item, turn.text) is not None:
                return item
    return offered[0]


def _goal(row: Row, turns: Sequence[Turn], target: Item | None) -> Persona:
    """By service, what the user asks of an item in the turns before they take one; never a name."""
    wanted: dict[str, dict[str, str]] = {}
    decided: set[str] = set()
    for said in row["turns"]:
        for frame in said["frames"] if said["speaker"] == "USER" else ():
            service, acts = str(frame.get("service", "")).partition("_")[0], list(_acts(frame, ""))
            if any(act == "SELECT" for act, _, _ in acts):
                decided.add(service)
            elif service in DOMAINS and service not in decided:
                asked = {slot: values[0] for act, slot, values in acts if act == "INFORM" and values}
                wanted.setdefault(service, {}).update({k: v for k, v in asked.items() if k not in _NAMES})
    goals = (f"{DOMAINS[service]}: {_listed(slots)}." for service, slots in wanted.items() if slots)
    text = " ".join(goals)
    return Persona(target_attributes=text if target is None else scrub(target, text))


def _listed(slots: Mapping[str, str]) -> str:
    return ", ".join(f"{slot.replace('_', ' ')} {value}" for slot, value in slots.items())
