"""Secrets in texts that are written or shown: passwords and keys in addresses, and tokens by their shape."""

from __future__ import annotations

import re
from typing import Any

_USER = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]{0,30}://)(?:[^/\s'\"?#@:]{0,200}:(?!\d{1,5}(?:/|$))[^\s'\"?#]{1,200}|[^/\s'\"?#]+)@",
    re.IGNORECASE,
)
"""What stands before a host; a password may hold a slash, which a port does not."""
_ENDS = "key|token|secret|password|passwd|passphrase|pwd|pass|auth|authorization|bearer|credentials?|sig|signature"
_PARAMETER = re.compile(rf"(?P<name>[?&;#](?:[\w.%-]{{0,40}}?(?:{_ENDS})|code)=)[^&\s'\"#;]+", re.IGNORECASE)
"""A parameter of an address whose name ends in such a word: ``api_key``, ``X-Amz-Signature``, ``hf_token``."""
_NAME = r"(?:[\w-]{0,40}[_-])?(?:api[-_]?key|password|passwd|secret|access[-_]?token|auth[-_]?token|authorization)"
_ENTRY = re.compile(rf"(?:[\w-]{{1,40}}\.){{0,4}}{_NAME}", re.IGNORECASE)
"""What an option is called that is a secret in itself."""
_OPTION = re.compile(rf"(?P<name>\b\w{{1,40}}\.{_NAME}=)[^\s'\"]+", re.IGNORECASE)
"""The same as it is typed: ``--set engine.api_key=...``."""
_FIELD = re.compile(rf"(?P<name>[\"']{_NAME}[\"']\s{{0,9}}[:=]\s{{0,9}}[\"'])[^\"']+", re.IGNORECASE)
"""The same in JSON or TOML: ``{"api_key": "..."}``."""
_SHAPED = re.compile(
    r"\b(?P<name>Bearer |sk-|hf_|gh[pousr]_|AKIA)(?=[\w-]{0,200}\d|[\w-]{0,200}[A-Z])[\w-]{16,}", re.ASCII
)
"""Keys of OpenAI, Hugging Face, GitHub and Amazon, and what is sent in a header."""
HIDDEN = "***"


def without_secrets(value: Any) -> Any:
    """The same JSON value without any user, password, key or token that its texts hold."""
    if isinstance(value, str):
        text = _USER.sub(r"\g<scheme>", value)
        for secret in (_PARAMETER, _OPTION, _FIELD, _SHAPED):
            text = secret.sub(rf"\g<name>{HIDDEN}", text)
        return text
    if isinstance(value, dict):
        return {without_secrets(key): _entry(key, part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(part) for part in value]
    return value


def _entry(key: Any, part: Any) -> Any:
    secret = isinstance(part, str) and isinstance(key, str) and _ENTRY.fullmatch(key)
    return HIDDEN if secret and part else without_secrets(part)
