"""A user's own Python file, given with ``--plugin``: its decorators register what it defines."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import zlib
from pathlib import Path

from interplay_bench.environment.errors import UsageError
from interplay_bench.environment.paths import typed_path

_loaded: dict[Path, Path] = {}


def load_plugin(path: Path) -> None:
    """Import the file, once; one that is missing or does not import is a :class:`UsageError`."""
    resolved = typed_path(path).resolve()
    if resolved in _loaded:
        return
    if not resolved.is_file():
        raise UsageError(f"No plugin file at {path}.")
    # Two files of one name in two folders are two modules.
    name = f"interplay_plugin_{resolved.stem}_{zlib.crc32(bytes(resolved)):08x}"
    spec = importlib.util.spec_from_file_location(name, resolved)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file; a plugin's name ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"The plugin {path} does not import: {type(error).__name__}: {error}") from error
    _loaded[resolved] = path


def loaded_plugins() -> tuple[Path, ...]:
    """The plugins loaded so far, as they were given."""
    return tuple(_loaded.values())


def code_hashes(*things: object) -> dict[str, str]:
    """The SHA-256 of every file of other people's code that defines ``things``, by the file's name.

    ``things``: classes and functions that take part in a run; of a class, its bases as well. Our own code is identified
    by the version and the revision.
    """
    files = {file for thing in things for part in getattr(thing, "__mro__", (thing,)) if (file := _foreign_file(part))}
    return {file.name: f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" for file in sorted(files)}


def _foreign_file(thing: object) -> Path | None:
    """The file that defines a thing, where it is neither ours nor Python's own."""
    name = getattr(thing, "__module__", None) or ""
    if name.partition(".")[0] in {"interplay_bench", *sys.stdlib_module_names}:
        return None
    file = getattr(sys.modules.get(name), "__file__", None)
    return Path(file) if file is not None and Path(file).is_file() else None
