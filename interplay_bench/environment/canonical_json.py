"""JSON in one form only, so that equal values have equal texts and equal hashes."""

from __future__ import annotations

import json

_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces: one text per value."""
    return _ENCODER.encode(value)
