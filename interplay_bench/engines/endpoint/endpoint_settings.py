"""Where a server is and how to ask it: the ``[engine]`` of a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class EndpointSettings(BaseModel):
    """Where the model is and how to ask it.

    ``base_url`` ends in ``/v1`` on most servers; without one, ``$OPENAI_BASE_URL`` or else OpenAI's own.
    ``api_key_env`` names the environment variable with the key, which is written nowhere; servers that want none
    need none. ``concurrency``: how many requests are under way at once. ``timeout``: seconds for one request.
    ``max_retries`` of one request, with waits that double from 0.5 s to ``max_wait`` seconds; a server's Retry-After
    is honoured up to the same. ``extra_body``: fields laid over each request's own, such as
    ``{"chat_template_kwargs": {"enable_thinking": false}}``. ``cache``: whether answers are kept for later runs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(min_length=1)
    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    concurrency: int = Field(default=16, ge=1)
    timeout: float = Field(default=120.0, gt=0)
    max_retries: int = Field(default=5, ge=0)
    max_wait: float = Field(default=60.0, ge=0)
    extra_body: Mapping[str, Any] = Field(default_factory=dict)
    cache: Literal["on", "off"] = "on"
