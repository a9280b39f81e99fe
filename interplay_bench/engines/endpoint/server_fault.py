"""What a server's complaint means: by its code where it has one, by its words otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TOO_LONG_CODE = re.compile(
    r"(context|prompt|input|string|request|tokens?)\w*(exceed|too_?l|limit_reached|above_max)|exceed_context",
    re.IGNORECASE,
)
_SUBJECT = r"(prompt|inputs?|context|messages?|sequence|request|payload|entity|total|session_len|(?<!max_)tokens?\b)"
_EXCESS = (
    r"(too (long|large|many)|exceed|longer|larger|greater|overflow|(?<!\w)limit|maximum|\bmax\b|at most|only supports"
    r"|less than \d+ tokens|should be \[|<=|> ?(n_ctx )?\d)"
)
_TOO_LONG = re.compile(
    r"context.{0,3}(length|size|window|limit)|maximum (model |prompt )?length|max_model_len|too long"
    rf"|too many (\w+ )?tokens|reduce (the length|your prompt|the number)"
    rf"|{_SUBJECT}[^.]{{0,60}}{_EXCESS}|max_tokens.{{0,40}}got -\d",
    re.IGNORECASE,
)
_OTHER_FIELD = re.compile(
    r"^\W*(temperature|top_?\w+|n|seed|stop|logit_bias|\w+_penalty)\b|rate.?limit|per (minute|day)"
    r"|at most \d+ completion tokens",
    re.IGNORECASE,
)
"""Complaints of a field's value, or of how often one may ask."""
_LOGPROBS = re.compile(r"log.?prob|logits_all", re.IGNORECASE)
_NEWER_LIMIT = re.compile(r"(use|instead|support\w*)\W.{0,40}max_completion_tokens", re.IGNORECASE)
_UNSUPPORTED = re.compile(r"unsupported|n[o']t support", re.IGNORECASE)
_ROLES = re.compile(r"system.{0,20}role|role.{0,20}system|system (message|prompt)|roles? must alternate", re.IGNORECASE)
_FLAGGED = re.compile(r"flagged|moderation|content.(filter|policy|management)|safety|inappropriate", re.IGNORECASE)
_UNPAID = re.compile(r"insufficient_(quota|balance|credits?|funds)|billing", re.IGNORECASE)
DROPPABLE = ("skip_special_tokens", "spaces_between_special_tokens", "top_p", "seed", "stop")
"""Fields that a request can do without: what they ask for is done here, or changes nothing."""


@dataclass(frozen=True, slots=True)
class ServerFault:
    """A complaint. ``status``: of HTTP, where there is one. ``said``: the server's words. ``code``: its own name for
    it. ``param``: the field that it is about, where it says."""

    status: int
    said: str
    code: str | None = None
    param: str = ""

    @classmethod
    def of(cls, status: int, body: object) -> ServerFault:
        """Read the body of an answer, out of whichever wrapping the server uses."""
        code, param, inner = None, "", body
        for key in ("error", "message", "detail"):
            if isinstance(inner, Mapping):
                code = inner.get("code") or inner.get("type") or code
                param = inner.get("param") or param
                inner = inner.get(key, inner)
        said = inner if isinstance(inner, str) else json.dumps(inner, default=str)
        return cls(status, said, code if isinstance(code, str) else None, str(param))

    @property
    def too_long(self) -> bool:
        """Whether the prompt does not fit: a shorter one may."""
        if self.status == 429 or self.newer_limit or _OTHER_FIELD.search(self.said):
            return False
        by_code = self.status == 413 or bool(_TOO_LONG_CODE.search(self.code or ""))
        return by_code or (self.status in (400, 422, 500) and bool(_TOO_LONG.search(self.said)))

    @property
    def unpaid(self) -> bool:
        """Whether what was paid for is used up, which no waiting mends."""
        return self.status == 402 or (self.status in (403, 429) and bool(_UNPAID.search(self.code or "")))

    @property
    def flagged(self) -> bool:
        """Whether it is this prompt that the server will not take."""
        return self.status in (400, 403, 451) and bool(_FLAGGED.search(f"{self.code} {self.said}"))

    @property
    def about_logprobs(self) -> bool:
        """Whether log-probabilities are what it complains of."""
        return bool(_LOGPROBS.search(f"{self.param} {self.said}"))

    @property
    def newer_limit(self) -> bool:
        """Whether the server wants ``max_completion_tokens`` in the place of ``max_tokens``."""
        return bool(_NEWER_LIMIT.search(self.said))

    @property
    def invalid(self) -> bool:
        """Whether it calls the request itself invalid."""
        by_words = self.status == 500 and bool(_UNSUPPORTED.search(self.said))  # as proxies say of what is behind them
        return self.status in (400, 413, 422) or by_words or self.too_long or self.about_roles

    @property
    def about_roles(self) -> bool:
        """Whether the model's chat template does not take the order of roles, a system's first among them."""
        return self.status in (400, 422, 500) and bool(_ROLES.search(self.said))

    def refused_field(self, sent: Mapping[str, Any]) -> str | None:
        """The field that it names and that the request can do without."""
        words = f"{self.param} {self.said}"
        named = (
            field
            for field in DROPPABLE
            if field in sent and re.search(rf"\b{field.replace('_', '[_ -]?')}\b", words, re.IGNORECASE)
        )
        return next(named, None) if self.invalid or self.status in (403, 404, 501) else None
