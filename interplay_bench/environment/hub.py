"""The model hub: whether it can be asked at all, so that nobody waits for retries where there is no network."""

from __future__ import annotations

REACH_SECONDS = 3.0
"""How long to wait for the hub's first answer."""


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
