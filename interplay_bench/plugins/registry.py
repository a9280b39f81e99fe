"""Names to things of one kind: tasks, adapters, data sets, metrics, engines, exports.

Ours are found in a package of this project; other people's through an entry point or a file given with ``--plugin``.
What looks something up by name never imports it, so that a registry has no arrow to what is registered in it.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from interplay_bench.environment.errors import UsageError, unknown_name

T = TypeVar("T")


class Registry(Generic[T]):
    """Everything of one kind by name.

    ``kind``: what one of them is called in errors. ``group``: the entry points of other people's packages.
    ``places``: where ours are: packages, each module of which is looked into, or single modules.
    ``code``: the function or class that an entry was made of, which tells two entries of one name apart.
    """

    def __init__(
        self, kind: str, group: str, places: Sequence[str], code: Callable[[T], object] = lambda thing: thing
    ) -> None:
        self.kind = kind
        self._group = group
        self._places = places
        self._code = code
        self._things: dict[str, T] = {}
        self._loaded = False

    def add(self, name: str, thing: T) -> T:
        """Register ``thing``; two different things of one name are a :class:`UsageError`."""
        known = self._things.get(name)
        if known is not None and self._place(known) != self._place(thing):
            raise UsageError(
                f"Two {self.kind}s are called {name!r}: {self._place(known)} and {self._place(thing)}. Rename one."
            )
        self._things[name] = thing
        return thing

    def all(self) -> dict[str, T]:
        """All of them by name, ours and other people's; loads them on first use."""
        if not self._loaded:
            for place in self._places:
                _import_all(place)
            for point in _entry_points().select(group=self._group):
                _import(point)
            self._loaded = True  # only now: what failed to import fails again
        return dict(sorted(self._things.items()))

    def find(self, name: str, *, hint: str = "") -> T:
        """The one called ``name``; an unknown one is an error that suggests near names."""
        known = self.all()
        if name not in known:
            raise unknown_name(self.kind, name, known, hint=hint)
        return known[name]

    def _place(self, thing: T) -> str:
        """Where a thing is defined: by file, so that one imported under two names (a plugin and its test do) is one."""
        code = self._code(thing)
        module = getattr(code, "__module__", "")
        file = getattr(sys.modules.get(module), "__file__", None)
        return f"{file or module}:{getattr(code, '__qualname__', code)}"


def require_subclass(cls: object, base: type, named: str) -> None:
    """Raise a :class:`UsageError` where a decorator is put on anything but a subclass of ``base``."""
    if not (isinstance(cls, type) and issubclass(cls, base)):
        found = getattr(cls, "__qualname__", repr(cls))
        raise UsageError(f"{found} is no {base.__name__}: subclass {named}.")


def _import_all(place: str) -> None:
    """Import a module; of a package, every module in it."""
    found = importlib.import_module(place)
    for module in pkgutil.iter_modules(getattr(found, "__path__", ())):
        if not module.ispkg and not module.name.startswith("_"):
            importlib.import_module(f"{place}.{module.name}")


def _import(point: Any) -> None:
    try:
        point.load()
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            f"The entry point {point.name!r} ({point.value}) does not import: {error}. Uninstall or fix it."
        ) from error


@cache
def _entry_points() -> Any:
    """Those of every installed package, looked for once; their type differs between versions of Python."""
    return entry_points()
