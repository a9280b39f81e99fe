"""Secrets in texts that are written or shown: passwords and keys in addresses are taken out."""

from __future__ import annotations

import re
from typing import Any

_USER = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^/\s@'\"]+@", re.IGNORECASE)
_QUERY = re.compile(
    r"(?P<name>[?&;](?:api[-_]?key|apikey|key|token|access[-_]?token|auth|secret|password|sig|signature|code)=)[^&\s'\"#]+",
    re.IGNORECASE,
)
HIDDEN = "***"


def without_secrets(value: Any) -> Any:
    """The same JSON value with no user, password or key in any address that its texts hold."""
    if isinstance(value, str):
        return _QUERY.sub(rf"\g<name>{HIDDEN}", _USER.sub(r"\g<scheme>", value))
    if isinstance(value, dict):
        return {key: without_secrets(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(part) for part in value]
    return value
