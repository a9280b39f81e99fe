"""The model hub: whether it can be asked at all, so that nobody waits for retries where there is no network."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from interplay_bench.environment.errors import UsageError

REACH_SECONDS = 3.0
"""How long to wait for the hub's first answer."""


def check_variables() -> None:
    """Raise :class:`UsageError` for variables that the hub's library fails on; before it is imported, since it reads
    them then."""
    for name in ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"):
        if not os.environ.get(name, "1").strip().isdecimal():
            raise UsageError(f"{name}={os.environ[name]!r} is no number of seconds: correct or unset it.")
    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    try:
        sound = urlsplit(endpoint).scheme in ("http", "https") and bool(urlsplit(endpoint).hostname)
    except ValueError:
        sound = False
    if not sound:
        raise UsageError("HF_ENDPOINT is no address that begins with http:// or https://: correct or unset it.")


def answers(url: str) -> bool:
    """Ask for an address on the hub, once and briefly: whether it is there. False where ``HF_HUB_OFFLINE`` is set."""
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        return bool(get_session().head(url, timeout=REACH_SECONDS).status_code < 400)
    except Exception:  # whatever is wrong with the network
        return False


def dataset_url(hub_id: str) -> str:
    """The address of a data set."""
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/api/datasets/{hub_id}"
