from __future__ import annotations

import re
from pathlib import Path

import pytest

from interplay_bench.audits.label_audit import audit_labels
from interplay_bench.dialogues.action_rules import accepts, asks_for_another, label, plain, refuses
from interplay_bench.dialogues.dialogue import Action, Item, Mention, Role, Turn
from interplay_bench.dialogues.dialogue_set import Source
from interplay_bench.dialogues.domain_words import domain_words
from interplay_bench.environment.errors import UsageError
from tests.growth import grows_at_most

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
        "I would love to watch that",
        "That's exactly the one I'm looking for. I need no further help.",
        "Great. What time does it start?",
        "I want that one, please",
        "I am gonna have to see it",
        "I can't wait to see it!",
        "I will add it to my list",
        "Great, I will listen to that, thank you!",
        "I'd love to read it.",
        "I'll cook that tonight",
        "That works for me, please book it.",
        "Perfect. Can you reserve a table there?",
        "Sounds good, I'll buy it.",
        "I don't think so I will have to check that out",
        "That sounds good. I don't need anything else.",
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
        "Thank you so much!",
        "Thanks for the recommendation",
        "I saw it, it is good.",
        "Loved that one, it's one of my favorites",
        "I will watch a kids movie and then a horror flick",
        "Thanks for all the suggestions, bye",
        "I would like to watch a horror movie",
        "I want to listen to some jazz",
        "Sounds good, but how much does it cost?",
        "I will watch it again some day",
        "I have seen Heat. I loved it!",
        "Okay. Is there another restaurant?",
        "I will not watch that ever",
    ],
)
def test_no_acceptances(text: str) -> None:
    assert not accepts(text)


@pytest.mark.parametrize(
    "text",
    [
        "Is there anything else?",
        "Find me another hotel.",
        "I'd prefer something cheaper, any other options?",
        "Not for me.",
    ],
)
def test_what_asks_for_another_proposal(text: str) -> None:
    assert asks_for_another(text)


@pytest.mark.parametrize("text", ["I'll take it", "What genre is it?", "That is fine, I don't need anything else."])
def test_what_asks_for_no_other_proposal(text: str) -> None:
    assert not asks_for_another(text)


def test_a_domain_is_a_file_of_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(domain_words().verbs, "listen")
    assert not re.fullmatch(domain_words().verbs, "sniff")
    monkeypatch.setenv("INTERPLAY_DOMAINS", str(tmp_path))
    (tmp_path / "scent.toml").write_text("verbs = ['sniff', 'wear']\nnouns = ['perfumes?']\n")
    assert re.fullmatch(domain_words().verbs, "sniff")
    assert re.fullmatch(domain_words().nouns, "perfume")
    for text, says in (
        ("verbs = [", "no domain's words"),
        ("verbs = ['(']", "no domain's words"),
        ("x = 1", "part 'x'"),
        ("verbs = " + "[" * 5000, "no domain's words"),
        ("verbs = ['renifl\xe9']", "cannot be read"),
    ):
        (tmp_path / "scent.toml").write_text(text, encoding="latin-1")
        with pytest.raises(UsageError, match=says):
            domain_words()
    monkeypatch.setenv("INTERPLAY_DOMAINS", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="no folder"):
        domain_words()


@pytest.mark.slow
def test_the_rules_agree_with_the_acts_of_people_in_ten_domains(data: Path) -> None:
    rows = audit_labels("sgd", Source(str(data / "sgd-offers"), "dev"))
    (accept,) = [row for row in rows if row.label == "accept (all)"]
    (reject,) = [row for row in rows if row.label == "reject (all)"]
    assert (accept.precision or 0) >= 0.95
    assert (accept.recall or 0) >= 0.7
    assert (reject.precision or 0) >= 0.9
    assert (reject.recall or 0) >= 0.8


def test_refusals() -> None:
    assert refuses("It's not for me")
    assert refuses("I didn’t like that one")
    assert not refuses("I'll take it")


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("I can't wait to see Ronin", Action.FEEDBACK),
        ("Ronin sounds great", Action.FEEDBACK),
        ("Heat sounds great", Action.ACCEPT),
        ("HEAT (1995) is perfect. What time is it on?", Action.ACCEPT),
        ("I loved Ronin, so I'll watch Heat", Action.ACCEPT),
    ],
)
def test_only_what_was_proposed_is_taken_up(text: str, action: Action) -> None:
    ronin = Item("ronin", "Ronin", 1998)
    mentions = (Mention(ronin, text.index("Ronin"), text.index("Ronin") + 5),) if "Ronin" in text else ()
    said = Turn(Role.USER, Action.CHAT, text, mentions)
    assert label([recommender("Try Heat.", proposes=True), said])[1].action is action


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
    def read(length: int) -> None:
        endless = words * (length // len(words))
        label([recommender(endless), recommender("Heat?", proposes=True), user(endless)])

    assert grows_at_most(8, read, 50_000)
