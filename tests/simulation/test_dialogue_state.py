"""One dialogue: what it is made of, how it ends, and what is noted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interplay_bench.dialogues.dialogue import Action, Item, OracleView, Role
from interplay_bench.items.title_index import TitleIndex
from interplay_bench.simulation.dialogue_loop import SimulationConfig, converse
from interplay_bench.simulation.dialogue_state import DialogueState
from interplay_bench.simulation.episode import End, Episode
from interplay_bench.simulation.pair import Pair
from tests.simulation.talk_plugin import BOOKS, OPENING, Scripted, alternates, gold, without_script

Talk = Callable[..., Episode]


def said(action: str, text: str) -> str:
    return f"<action><{action}></action><response>{text}</response>"


def book(name: str) -> str:
    return f"<book_title>{name}</book_title>"


NO, YES = said("feedback", "No."), said("accept", "Yes!")
DUNE, EMMA = said("recommend", f"Try {book('Dune (1900)')}."), said("recommend", f"Or {book('emma')}.")
BYE = said("chat", "Goodbye!")


def test_the_gold_opening_is_kept_and_nothing_else_of_the_gold_turns(talk: Talk) -> None:
    episode = talk([NO, YES], [DUNE, EMMA])
    assert episode.dialogue.turns[:2] == OPENING
    assert "Gold words" not in " ".join(turn.text for turn in episode.dialogue.turns)
    assert alternates(episode.dialogue.turns)
    assert next(turn.role for turn, _ in episode.spoken) is Role.USER


def test_it_ends_when_the_user_accepts_and_what_was_proposed_last_is_taken(talk: Talk) -> None:
    episode = talk([NO, NO, YES], [DUNE, EMMA])
    assert episode.end is End.ACCEPTED
    assert episode.dialogue.turns[-1].action is Action.ACCEPT
    assert episode.accepted == (BOOKS[1],)


def test_an_acceptance_that_names_an_earlier_recommendation_takes_that_one(talk: Talk) -> None:
    episode = talk([NO, NO, said("accept", f"I'll take {book('Dune')} after all.")], [DUNE, EMMA])
    assert episode.accepted == (BOOKS[0],)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("Goodbye!", True),
        ("You're welcome, have a great evening.", True),
        ("Enjoy the film!", True),
        ("Take care.", True),
        ("Goodbye? Or shall I go on?", False),
        ("The Long Goodbye is not for you.", False),
        ("Let me think.", False),
    ],
)
def test_it_ends_when_the_recommender_says_goodbye(talk: Talk, text: str, ends: bool) -> None:
    known = said("chat", text.replace("The Long Goodbye", book("The Long Goodbye")))
    episode = talk([NO], [DUNE, known], max_turns=8)
    assert (episode.end is End.GOODBYE) is ends


def test_a_recommendation_with_a_farewell_goes_on(talk: Talk) -> None:
    episode = talk([NO, YES], [said("recommend", f"{book('Dune')}, enjoy the book!")])
    assert episode.end is End.ACCEPTED


def test_it_is_cut_off_at_the_most_turns(talk: Talk) -> None:
    episode = talk([NO], [DUNE], max_turns=7)
    assert episode.end is End.CUT_OFF
    assert len(episode.dialogue.turns) == 7


def test_malformed_output_is_said_as_chat_and_twice_in_a_row_breaks_it_off(talk: Talk) -> None:
    once = talk(["garbage", YES], [DUNE])
    assert once.end is End.ACCEPTED
    assert once.spoken[0][0].action is Action.CHAT
    assert once.spoken[0][0].text == "garbage"
    assert once.spoken[0][1].malformed == "no action"
    assert once.spoken[0][1].raw == "garbage"
    twice = talk(["garbage", "more garbage"], [DUNE])
    assert twice.end is End.BROKEN
    assert len(twice.spoken) == 3
    apart = talk(["garbage", NO, "garbage", YES], [DUNE])
    assert apart.end is End.ACCEPTED
    assert apart.counts()["user_malformed"] == 2


@pytest.mark.parametrize("empty", ["", "<action><chat></action><response> </response>", "<accept>"])
def test_an_empty_reply_breaks_it_off(talk: Talk, empty: str) -> None:
    episode = talk([empty], [DUNE])
    assert episode.end is End.BROKEN
    assert len(episode.spoken) == 1


def test_accepting_nothing_is_confusion_and_no_end(talk: Talk) -> None:
    episode = talk([YES, NO], [said("inquire", "Which one?"), BYE])
    assert episode.end is End.GOODBYE
    assert episode.accepted == ()
    notes = [note.confusion for turn, note in episode.spoken if turn.role is Role.USER]
    assert notes == ["accepts before anything was recommended", None]


def test_actions_of_the_other_role_are_confusion(talk: Talk) -> None:
    episode = talk([said("recommend", "How about this?"), NO, YES], [said("disclose-goal", "I want worms."), DUNE])
    assert episode.counts()["user_confused"] == 1
    assert episode.counts()["recommender_confused"] == 1


def test_titles_become_items_and_what_the_catalogue_lacks_is_counted(talk: Talk) -> None:
    unknown = said("recommend", f"Try {book('No Such Book (1999)')} or {book('Dune')}.")
    episode = talk([NO, YES], [unknown])
    turn, note = episode.spoken[1]
    assert turn.recommended == (Item("No Such Book (1999)", "No Such Book", 1999, "book"), BOOKS[0])
    assert note.unknown == ("No Such Book (1999)",)
    assert episode.counts()["recommended_unknown"] == 1


def test_a_recommendation_without_a_marked_title_is_searched_for_one(talk: Talk) -> None:
    episode = talk([NO, YES], [said("recommend", 'You would love "Middlemarch" (1905).')])
    assert episode.accepted == (BOOKS[5],)


def test_what_was_recommended_or_named_by_the_user_is_no_news(talk: Talk) -> None:
    episode = talk([said("disclose-goal", f"Like {book('Emma')}."), NO, YES], [EMMA, DUNE, DUNE])
    recommended = [turn.recommended for turn, _ in episode.spoken if turn.role is Role.RECOMMENDER]
    repeated = [note.repeated for turn, note in episode.spoken if turn.role is Role.RECOMMENDER]
    assert recommended == [(), (BOOKS[0],)]
    assert repeated == [("Emma (1901)",), ()]


def test_each_side_sees_its_own_view_alone() -> None:
    user, recommender, titles = Scripted(NO), Scripted(DUNE), TitleIndex(BOOKS)
    list(converse(Pair(user, recommender), {0: gold(0)}, titles, SimulationConfig(8)))
    assert {view.role for view in user.seen} == {Role.USER}
    assert {view.persona.target_attributes for view in recommender.seen} == {""}
    assert {view.persona.target_attributes for view in user.seen} == {"Worms and 0."}
    assert not any(isinstance(view, OracleView) for view in [*user.seen, *recommender.seen])


def test_only_a_declared_oracle_is_told_the_target() -> None:
    class Knowing(Scripted):
        knows_target = True

    user, recommender, titles = Knowing(NO), Scripted(DUNE), TitleIndex(BOOKS)
    list(converse(Pair(user, recommender), {0: gold(3)}, titles, SimulationConfig(6)))
    assert [view.target for view in user.seen if isinstance(view, OracleView)] == [BOOKS[3]] * 2
    assert not any(isinstance(view, OracleView) for view in recommender.seen)


def test_without_an_opening_the_user_speaks_first() -> None:
    assert DialogueState(without_script(gold(0)), TitleIndex(BOOKS)).speaker is Role.USER


def test_an_episode_survives_the_way_through_json(talk: Talk) -> None:
    episode = talk(["garbage", NO, YES], [said("recommend", f"{book('Nothing')} or {book('Dune')}."), EMMA])
    assert Episode.from_json(episode.to_json()) == episode


def test_agreement_is_jaccard_beside_what_a_random_item_would_score(talk: Talk) -> None:
    episode = talk([NO, YES], [EMMA], number=1)
    assert episode.agreement == 1.0
    other = talk([NO, YES], [DUNE], number=2)  # novel, t0 against novel, t2
    assert other.agreement == pytest.approx(1 / 3)
    assert other.floor == pytest.approx((1 / 3 + 0 + 0 + 1 / 3 + 1 / 3) / 5)
    assert talk([NO, YES], [DUNE], number=8).agreement is None
    made_up = talk([NO, YES], [said("recommend", f"{book('Nothing')}.")])
    assert made_up.agreement == 0.0
