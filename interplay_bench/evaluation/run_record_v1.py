"""Records of schema 1, which untyped code wrote, as the present schema has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CONTROL = "Control:"
"""How the summary of a control policy's card began, which was all that told it from a model."""


def upgrade(data: object) -> object:
    """Return the record of schema 1 in schema 2; anything else is returned as it is."""
    if not isinstance(data, Mapping) or data.get("schema") != 1:
        return data
    task = _mapping(data.get("task"))
    partners = _mapping(task.pop("partners", None))
    recommender = data.get("recommender") or partners.get("recommender")
    changed = {
        "schema": 2,
        "task": task or data.get("task"),
        "model": _model(data.get("model")),
        "recommender": _model(recommender),
        "request": _request(data.get("request"), task, data),
    }
    return {"command": None, "git": None, **data, **{key: part for key, part in changed.items() if part is not None}}


def _model(model: object) -> object:
    if not isinstance(model, Mapping):
        return model
    card, name = _mapping(model.get("card")), model.get("name")
    summary = card.get("summary", "")
    if isinstance(name, str) and name.endswith(".toml") and "name" in card:
        name = card["name"]  # a model by a card's path is called as its card says
    return {**model, "name": name, "control": isinstance(summary, str) and summary.startswith(CONTROL)}


def _request(request: object, task: Mapping[str, Any], data: Mapping[str, Any]) -> object:
    """What a request left unsaid is what was run."""
    if not isinstance(request, Mapping):
        return request
    model, dataset = _mapping(data.get("model")), _mapping(data.get("dataset"))
    known = {"task": task.get("name"), "model": model.get("name"), "dataset": dataset.get("name"),
             "split": dataset.get("split"), "data": None, "limit": None}  # fmt: skip
    return {**known, **request}


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
