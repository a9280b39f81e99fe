"""Packages that serve one feature: installed as an extra, asked for when the feature is used."""

from __future__ import annotations

import importlib
from typing import Any

from interplay_bench.environment.errors import UsageError


def require(module: str, extra: str) -> Any:
    """Import ``module``; where it is missing, a :class:`UsageError` says which extra of ours brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # it is there, and lacks something of its own
        package = module.partition(".")[0].replace("_", "-")
        raise UsageError(f"This needs the package {package}: pip install 'interplay-bench[{extra}]'.") from None
