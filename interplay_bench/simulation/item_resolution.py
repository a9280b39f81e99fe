"""From the titles a model writes to the items of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from interplay_bench.dialogues.dialogue import Action, Item, Role, Turn
from interplay_bench.items.title_index import TitleIndex


@dataclass(frozen=True, slots=True)
class Resolved:
    """A turn with the catalogue's items.

    ``unknown``: recommended titles that the catalogue does not hold; they stay, as items whose id is their surface.
    ``repeated``: recommended items that are no news.
    """

    turn: Turn
    unknown: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()


def resolve(turn: Turn, before: Sequence[Turn], titles: TitleIndex) -> Resolved:
    """Look up what ``turn`` names, and tell what it newly recommends after the turns ``before``.

    A turn in which the model marked no title is searched for the catalogue's.
    """
    known = set(titles.items)
    mentions = tuple(
        replace(mention, item=titles.find(mention.item.title, mention.item.year) or mention.item)
        for mention in turn.mentions
    ) or titles.mentions(turn.text)
    if turn.role is not Role.RECOMMENDER or turn.action is not Action.RECOMMEND:
        return Resolved(replace(turn, mentions=mentions, recommended=()))
    old = named(before)
    items = tuple(dict.fromkeys(mention.item for mention in mentions))
    return Resolved(
        replace(turn, mentions=mentions, recommended=tuple(item for item in items if item not in old)),
        tuple(item.name for item in items if known and item not in known),
        tuple(item.name for item in items if item in old),
    )


def named(turns: Sequence[Turn]) -> set[Item]:
    """What has been recommended, or named by the user."""
    recommended = {item for turn in turns for item in turn.recommended}
    return recommended | {item for turn in turns if turn.role is Role.USER for item in turn.items}
