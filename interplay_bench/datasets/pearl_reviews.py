"""PEARL's personas: the reviews that one is made of, and what they say somebody likes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from interplay_bench.datasets.reading import tidy

_SIDE = re.compile(r"\[\s*(Like|Dislike)s?\s*\]\s*:?\s*", re.IGNORECASE)
_BULLET = re.compile(r"\s*(?:(?:[-*•]|\d+\.)\s*)?")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_BLANK_LINES = re.compile(r"\n\s*\n")
_STARTS_A_REVIEW = re.compile(r"\s*\[\s*Like", re.IGNORECASE)
_FIRST_POINTS = 3
"""How many opinions of a review are looked at for a summary of tastes."""
_LONGEST_POINT = 30
"""How many words of one opinion go into a summary of tastes."""


def split_reviews(text: str, count: int) -> list[str]:
    """The ``count`` reviews that a persona is made of, kept apart by blank lines, which reviews may hold as well."""
    parts = [part.strip() for part in _BLANK_LINES.split(text) if part.strip()]
    if len(parts) == count:
        return parts
    reviews: list[list[str]] = []
    for part in parts:
        if _STARTS_A_REVIEW.match(part) or not reviews:
            reviews.append([])
        reviews[-1].append(part)
    return ["\n\n".join(review) for review in reviews]


def tastes(reviews: Sequence[str]) -> str:
    """A summary of the reviews: the longest of the first points of each, likes apart from dislikes."""
    sides: dict[str, list[str]] = {"like": [], "dislike": []}
    for review in reviews:
        parts = _SIDE.split(review)
        for side, said in (("like", parts[0]), *zip(map(str.lower, parts[1::2]), parts[2::2], strict=True)):
            points = list(islice(_points(said.strip("-*• \n")), _FIRST_POINTS))
            if points:
                sides[side].append(" ".join(max(points, key=len).split()[:_LONGEST_POINT]).rstrip(".,;"))
    likes = f"Likes: {'; '.join(sides['like'])}." if sides["like"] else ""
    dislikes = f"Dislikes: {'; '.join(sides['dislike'])}." if sides["dislike"] else ""
    return f"{likes} {dislikes}".strip()


def _points(said: str) -> Iterator[str]:
    """The sentences of each line, without the bullet before it."""
    for line in said.split("\n"):
        for sentence in _SENTENCE_END.split(line[_bullet(line) :]):
            if point := tidy(sentence):
                yield point


def _bullet(line: str) -> int:
    """Where a line's text begins, behind its bullet."""
    match = _BULLET.match(line)
    return match.end() if match else 0


def readable(review: str) -> str:
    """``[Like] ... [Dislike] ...`` as running text."""
    return tidy(_SIDE.sub(lambda match: f" {match.group(1).capitalize()}s: ", review))
