from __future__ import annotations

import pytest

from interplay_bench import Action, Item, Persona, Role, Turn, UserSimulator, Verdict, View
from interplay_bench.simulators import model_spec

HEIST = Item("1", "Heat", 1995, attributes={"genre": ("crime",), "theme": ("robbery",), "plot": ("Dark streets.",)})
SPACE = Item("2", "Alien", 1979, attributes={"genre": ("horror",)})
WISH = Persona(target_attributes="Crime or robbery, dark.")


@pytest.mark.parametrize(
    ("items", "share", "verdict"),
    [((HEIST,), 2 / 3, Verdict.ACCEPT), ((SPACE,), 0.0, Verdict.REJECT), ((SPACE, HEIST), 2 / 3, Verdict.ACCEPT)],
)
def test_it_weighs_an_items_facts_against_the_wish(items: tuple[Item, ...], share: float, verdict: Verdict) -> None:
    user = model_spec.find("fulfils:0.6").build().adapter
    assert isinstance(user, UserSimulator)
    turn = Turn(Role.RECOMMENDER, Action.RECOMMEND, "How about it?", (), items)
    decision, without = user.decide([View(Role.USER, WISH, (turn,)), View(Role.USER, Persona(), (turn,))])
    assert (decision.verdict, without.verdict) == (verdict, Verdict.REJECT)
    assert decision.probability == pytest.approx(share)
    assert without.probability == 0
