"""Names to things: tasks, data sets, adapters and model cards.

Ours are found in the packages ``interplay_bench.tasks``, ``interplay_bench.models`` and
``interplay_bench.datasets``; other people's through the entry points of the same names
(``interplay_bench.tasks``, ``interplay_bench.adapters``, ``interplay_bench.datasets``) or a file given with
``--plugin``. The engine never imports a task or an adapter by name.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import tomllib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from interplay_bench.errors import UsageError, unknown_name
from interplay_bench.paths import typed_path

if TYPE_CHECKING:
    from interplay_bench.adapter import Adapter
    from interplay_bench.dataset import DialogueSet, Source
    from interplay_bench.task import Task

A = TypeVar("A", bound="type[Adapter]")
T = TypeVar("T", bound="type[Task[Any, Any]]")
Loader = Callable[["Source"], "DialogueSet"]


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """A registered data set: its loader, the splits it knows, and one line about it."""

    name: str
    loader: Loader
    splits: tuple[str, ...]
    summary: str


_TASKS: dict[str, type[Task[Any, Any]]] = {}
_ADAPTERS: dict[str, type[Adapter]] = {}
_DATASETS: dict[str, DatasetEntry] = {}
_loaded: set[str] = set()
_plugins: dict[Path, Path] = {}


def task(name: str) -> Callable[[T], T]:
    """Register a task class under ``name``."""

    def register(cls: T) -> T:
        from interplay_bench.task import Task

        _derived(cls, Task, "interplay_bench.Task")
        _add("task", _TASKS, name, cls)
        cls.name = name
        return cls

    return register


def adapter(name: str) -> Callable[[A], A]:
    """Register an adapter class under ``name``; without a card of that name it is a model by itself."""

    def register(cls: A) -> A:
        from interplay_bench.adapter import Adapter

        _derived(cls, Adapter, "UserSimulator or Recommender")
        _add("adapter", _ADAPTERS, name, cls)
        return cls

    return register


def dataset(name: str, *, splits: tuple[str, ...] = ("train", "valid", "test")) -> Callable[[Loader], Loader]:
    """Register a loader under ``name``; the first line of its docstring is its summary."""

    def register(loader: Loader) -> Loader:
        summary = (loader.__doc__ or "").strip().partition("\n")[0]
        _add("data set", _DATASETS, name, DatasetEntry(name, loader, splits, summary))
        return loader

    return register


def tasks() -> dict[str, type[Task[Any, Any]]]:
    """All tasks by name."""
    _load("interplay_bench.tasks", "interplay_bench.tasks")
    return dict(sorted(_TASKS.items()))


def adapters() -> dict[str, type[Adapter]]:
    """All adapters by name."""
    _load("interplay_bench.models", "interplay_bench.adapters")
    return dict(sorted(_ADAPTERS.items()))


def datasets() -> dict[str, DatasetEntry]:
    """All data sets by name."""
    _load("interplay_bench.datasets", "interplay_bench.datasets")
    return dict(sorted(_DATASETS.items()))


def cards() -> dict[str, str]:
    """The names of the shipped model cards with their summaries, unvalidated: :mod:`interplay_bench.card` reads one."""
    folder = files("interplay_bench.models.cards")
    texts = {file.name.removesuffix(".toml"): file for file in folder.iterdir() if file.name.endswith(".toml")}
    return {name: str(tomllib.loads(texts[name].read_text("utf-8")).get("summary", "")) for name in sorted(texts)}


def models() -> dict[str, str]:
    """Every model that can be typed, with one line about it: the cards, and the adapters that need none."""
    known = cards()
    for name, cls in adapters().items():
        if cls.standalone and name not in known:
            known[name] = (cls.__doc__ or "").strip().partition("\n")[0]
    return dict(sorted(known.items()))


def find_task(name: str) -> type[Task[Any, Any]]:
    """The task called ``name``; an unknown one is an error that suggests near names."""
    known = tasks()
    if name not in known:
        raise unknown_name("task", name, known)
    return known[name]


def find_dataset(name: str) -> DatasetEntry:
    """The data set called ``name``; an unknown one is an error that suggests near names."""
    known = datasets()
    if name not in known:
        raise unknown_name("data set", name, known)
    return known[name]


def load_plugin(path: Path) -> None:
    """Import a user's own file, whose decorators register what it defines."""
    resolved = typed_path(path).resolve()
    if resolved in _plugins:
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
    _plugins[resolved] = path


def plugins() -> tuple[Path, ...]:
    """The plugins loaded so far, as they were given."""
    return tuple(_plugins.values())


def _derived(thing: object, base: type, mend: str) -> None:
    if not (isinstance(thing, type) and issubclass(thing, base)):
        raise UsageError(f"{_origin(thing)} is no {base.__name__}: subclass {mend}.")


def _add(kind: str, table: dict[str, Any], name: str, thing: Any) -> None:
    if name in table and _origin(table[name]) != _origin(thing):
        raise UsageError(f"Two {kind}s are called {name!r}: {_origin(table[name])} and {_origin(thing)}. Rename one.")
    table[name] = thing


def _origin(thing: object) -> str:
    """Where a thing is defined: by file, so that one imported under two names (a plugin and its test do) is one."""
    subject = thing.loader if isinstance(thing, DatasetEntry) else thing
    file = getattr(sys.modules.get(subject.__module__), "__file__", None)
    return f"{file or subject.__module__}:{getattr(subject, '__qualname__', subject)}"


def _load(package: str, group: str) -> None:
    """Import every module of ``package`` and every entry point of ``group``, once."""
    if package in _loaded:
        return
    _loaded.add(package)
    for name in _modules(package):
        importlib.import_module(f"{package}.{name}")
    for point in _entry_points().select(group=group):
        try:
            point.load()
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(
                f"The entry point {point.name!r} ({point.value}) does not import: {error}. Uninstall or mend it."
            ) from error


@cache
def _entry_points() -> Any:
    """Those of every installed package, looked for once; their type differs between versions of Python."""
    return entry_points()


def _modules(package: str) -> Iterator[str]:
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not module.ispkg and not module.name.startswith("_"):
            yield module.name
