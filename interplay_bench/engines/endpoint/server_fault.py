"""What a server's complaint means: by its code where it has one, by its words otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TOO_LONG_CODES = {
    "context_length_exceeded",
    "string_above_max_length",
    "request_too_large",
    "exceed_context_size_error",
}
_TOO_LONG = re.compile(
    r"context.{0,3}(length|size|window)|maximum (model )?length|max_model_len|too long|too many tokens"
    r"|exceeds? the (limit|maximum|available)|inputs?\W{0,2} tokens|must have less than \d+ tokens"
    r"|reduce (the length|your prompt|the number)|(prompt|input|messages?) (is|are) too (long|large)"
    r"|number of (input )?tokens|larger than the max",
    re.IGNORECASE,
)
_LOGPROBS = re.compile(r"log_?prob|logits_all", re.IGNORECASE)
_NEWER_LIMIT = re.compile(r"max_completion_tokens")
DROPPABLE = ("skip_special_tokens", "spaces_between_special_tokens", "top_p", "seed", "stop")
"""Fields that a request can do without: what they ask for is done here, or changes nothing."""


@dataclass(frozen=True, slots=True)
class ServerFault:
    """A complaint. ``status``: of HTTP, where there is one. ``said``: the server's words. ``code``: its own name for
    it."""

    status: int
    said: str
    code: str | None = None

    @classmethod
    def of(cls, status: int, body: object) -> ServerFault:
        """Read the body of an answer, out of whichever wrapping the server uses."""
        code, inner = None, body
        for key in ("error", "message", "detail"):
            if isinstance(inner, Mapping):
                code = inner.get("code") or inner.get("type") or code
                inner = inner.get(key, inner)
        said = inner if isinstance(inner, str) else json.dumps(inner, default=str)
        return cls(status, said, code if isinstance(code, str) else None)

    @property
    def too_long(self) -> bool:
        """Whether the prompt does not fit: a shorter one may."""
        return self.code in _TOO_LONG_CODES or (
            self.status in (400, 413, 422, 500) and bool(_TOO_LONG.search(self.said)) and not self.newer_limit
        )

    @property
    def about_logprobs(self) -> bool:
        """Whether log-probabilities are what it complains of."""
        return bool(_LOGPROBS.search(self.said))

    @property
    def newer_limit(self) -> bool:
        """Whether the server wants ``max_completion_tokens`` in the place of ``max_tokens``."""
        return bool(_NEWER_LIMIT.search(self.said))

    @property
    def invalid(self) -> bool:
        """Whether it calls the request itself invalid."""
        return self.status in (400, 413, 422) or self.too_long

    def refused_field(self, sent: Mapping[str, Any]) -> str | None:
        """The field that it names and that the request can do without."""
        named = (field for field in DROPPABLE if field in sent and re.search(rf"\b{field}\b", self.said))
        return next(named, None) if self.status in (400, 403, 422, 501) else None
