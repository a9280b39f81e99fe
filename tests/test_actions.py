from __future__ import annotations

import time

import pytest

from interplay_bench.actions import accepts, label, plain, refuses
from interplay_bench.dialogue import Action, Item, Mention, Role, Turn

HEAT = Item("heat", "Heat", 1995)


def user(text: str) -> Turn:
    return Turn(Role.USER, Action.CHAT, text)


def recommender(text: str, *, proposes: bool = False) -> Turn:
    mentions = (Mention(HEAT, text.index("Heat"), text.index("Heat") + 4),) if proposes else ()
    return Turn(Role.RECOMMENDER, Action.CHAT, text, mentions, (HEAT,) if proposes else ())


def test_a_whole_dialogue() -> None:
    labelled = label(
        [
            recommender("Hello!"),
            user("Hi there"),
            recommender("What kind of movies do you like?"),
            user("Thrillers, mostly."),
            recommender("Have you seen Heat?", proposes=True),
            user("No, what is it about?"),
            recommender("Cops and robbers, by Michael Mann."),
            user("Sounds great, I'll check it out!"),
            recommender("Enjoy!"),
            user("Thanks, bye"),
        ]
    )
    assert [turn.action for turn in labelled] == [
        Action.GREETING,
        Action.GREETING,
        Action.INQUIRE,
        Action.DISCLOSE_GOAL,
        Action.RECOMMEND,
        Action.FEEDBACK,
        Action.CHAT,
        Action.ACCEPT,
        Action.CHAT,
        Action.CHAT,
    ]


@pytest.mark.parametrize(
    "text",
    [
        "I accept your recommendation.",
        "I'll watch it tonight",
        "I’ll definitely give it a try",
        "ill check that out",
        "We will check it out! Thanks bye",
        "That sounds perfect!",
        "That's exactly what I was looking for.",
        "Great suggestion, thank you!",
        "Thanks for the recommendation",
        "I would love to watch that",
        "I am gonna have to see it",
        "I can't wait to see it!",
        "I will add it to my list",
    ],
)
def test_acceptances(text: str) -> None:
    assert accepts(text)


@pytest.mark.parametrize(
    "text",
    [
        "I have already seen it.",
        "I'd watch it, but I'm looking for something lighter.",
        "Thanks for the suggestion, but it's too violent for me",
        "No thanks.",
        "Not my kind of film",
        "I don't like Al Pacino",
        "Good suggestion. Do you have any other ideas?",
        "What is it about?",
        "Yes, it was a good movie",
    ],
)
def test_no_acceptances(text: str) -> None:
    assert not accepts(text)


def test_refusals() -> None:
    assert refuses("It's not for me")
    assert refuses("I didn’t like that one")
    assert not refuses("I'll take it")


def test_nothing_is_accepted_before_something_is_proposed() -> None:
    (turn,) = label([user("Great suggestion, I'll watch it")])
    assert turn.action is not Action.ACCEPT


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("How are you?", Action.GREETING),
        ("Hello, how can I help you?", Action.GREETING),
        ("What genre do you like?", Action.INQUIRE),
        ("Hi! Have you watched anything good lately?", Action.INQUIRE),
        ("tell me what you like", Action.INQUIRE),
        ("Do you prefer older films?", Action.INQUIRE),
        ("It stars Al Pacino.", Action.CHAT),
    ],
)
def test_recommender_turns_without_a_new_film(text: str, action: Action) -> None:
    (turn,) = label([recommender(text)])
    assert turn.action is action


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("Hi, how are you?", Action.GREETING),
        ("Hi, I'm looking for a comedy", Action.DISCLOSE_GOAL),
        ("I love scary movies", Action.DISCLOSE_GOAL),
        ("It rains.", Action.CHAT),
        ("thank you so much, bye!", Action.CHAT),
    ],
)
def test_user_turns_before_any_film(text: str, action: Action) -> None:
    (turn,) = label([user(text)])
    assert turn.action is action


def test_given_actions_are_not_looked_at() -> None:
    assert label([Turn(Role.USER, Action.ACCEPT, "It rains.")])[0].action is Action.CHAT


def test_contractions_are_written_out() -> None:
    assert plain("I’ll go, dont you? I'm gonna") == "i will go, do not you? i am will"
    assert plain("well, its ill-fated") == "well, its i will-fated"


@pytest.mark.parametrize("words", ["any ", "what ", "thanks ", "exactly what i ", "i'll ", "tell me "])
def test_output_without_end_takes_no_time_by_the_square(words: str) -> None:
    endless = words * (200_000 // len(words))
    began = time.process_time()
    label([recommender(endless), recommender("Heat?", proposes=True), user(endless)])
    assert time.process_time() - began < 2
