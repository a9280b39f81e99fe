"""What the loaders share: finding files, reading rows with their line numbers, errors that name the fix."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from interplay_bench.dialogues.dialogue_set import Source
from interplay_bench.dialogues.unicode_text import composed
from interplay_bench.environment.errors import DataError, MissingDataError

Row = Mapping[str, Any]

_COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"(\xb5/\xfd")
"""How files of gzip, zip, bzip2, xz and zstd begin."""
_QUOTED = 200
"""How many characters of a file an error quotes."""


def check_split(name: str, split: str, known: tuple[str, ...]) -> None:
    """Raise a :class:`DataError` for a split that ``name`` does not have."""
    if split not in known:
        raise DataError(f"{name} has no split {split!r}. Choose one of: {', '.join(known)}.")


def locate(name: str, source: Source, candidates: tuple[str, ...]) -> Path:
    """The file that ``source`` means: itself, or the first of ``candidates`` within the folder it names."""
    path = source.path
    if path is None:
        raise MissingDataError(f"{name} is not shipped: give its file, or a folder with {candidates[0]}, by --data.")
    if path.is_file():
        return path
    if not path.is_dir():
        what = f"{path} is neither a file nor a folder" if path.exists() else f"There is no {path}"
        raise MissingDataError(f"{what}: give {name}'s file, or a folder with {candidates[0]}, by --data.")
    for candidate in candidates:
        if (path / candidate).is_file():
            return path / candidate
    raise MissingDataError(f"The folder {path} has no {' or '.join(candidates)}: choose another --data or --split.")


def read_text(path: Path) -> str:
    """The whole of a UTF-8 file, without a byte-order mark."""
    with opened(path) as handle:
        return handle.read()


@contextmanager
def opened(path: Path, newline: str | None = None) -> Iterator[TextIO]:
    """A UTF-8 file to read from, without a byte-order mark; what goes wrong with it is a :class:`DataError`."""
    try:
        with _handle(path, newline) as handle:
            yield handle
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise DataError(f"{path} is no gzip file, or was cut short: fetch it anew.") from None
    except UnicodeDecodeError:
        raise DataError(_no_text(path)) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the path and its permissions.") from None


def _handle(path: Path, newline: str | None) -> TextIO:
    """The file as text; one whose name ends in ``.gz`` is unpacked on the way."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline=newline)
    return path.open(encoding="utf-8-sig", newline=newline)


def _no_text(path: Path) -> str:
    """Say why a file is no UTF-8, and where; a reader's own position counts from the last block that it read."""
    content, line = path.read_bytes(), 1
    if content.startswith(_COMPRESSED):
        return f"{path} is compressed: unpack it."
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line += content.count(b"\n", 0, error.start)
    return f"Line {line} of {path} is not UTF-8: convert the file to UTF-8."


def read_json(path: Path) -> Any:
    """The value in a JSON file."""
    return _decode(read_text(path), path, first_line=1)


def json_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The objects of a JSON-lines file with the number of their line; blank lines are passed over."""
    with opened(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _object(_decode(line.rstrip("\n"), path, number), f"line {number} of {path}")


def array_or_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The objects of a file that holds one JSON array (numbered by place) or JSON lines (numbered by line)."""
    with opened(path) as handle:
        is_array = re.match(r"\s*\[", handle.read(4096)) is not None
    if not is_array:
        yield from json_rows(path)
        return
    for number, row in enumerate(read_json(path), start=1):
        yield number, _object(row, f"record {number} of {path}")


def need(row: Row, key: str, kind: type | tuple[type, ...], where: str) -> Any:
    """``row[key]``, which must be there and be a ``kind``; ``where`` names the row in the error."""
    if key not in row:
        held = shortened(", ".join(map(repr, row))) or "nothing"
        raise DataError(f"{where[0].upper()}{where[1:]} has no {key!r}: it holds {held}.")
    if not isinstance(row[key], kind):
        wanted = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise DataError(f"{key!r} in {where} is a {type(row[key]).__name__}, where a {wanted} is needed.")
    return row[key]


def may_have(row: Row, key: str, kind: type | tuple[type, ...], where: str) -> Any:
    """``row[key]``, which must be a ``kind`` where it is there and not null; ``None`` where it is not."""
    return None if row.get(key) is None else need(row, key, kind, where)


def need_rows(rows: int, path: object) -> None:
    """Raise a :class:`DataError` where a file held no record at all."""
    if not rows:
        raise DataError(f"{path} holds no dialogue: choose another file, or write this one anew.")


class UniqueIds:
    """Hands out dialogue ids, telling repeated ones apart by a suffix, since runs are resumed by id."""

    def __init__(self, repairs: Counter[str]) -> None:
        self._uses: Counter[str] = Counter()
        self._given: set[str] = set()
        self._repairs = repairs

    def __call__(self, wanted: str) -> str:
        """``wanted``, or ``wanted~2`` for its second use, whatever other ids look like."""
        self._uses[wanted] += 1
        given = wanted if self._uses[wanted] == 1 else f"{wanted}~{self._uses[wanted]}"
        while given in self._given:
            self._uses[wanted] += 1
            given = f"{wanted}~{self._uses[wanted]}"
        if given != wanted:
            self._repairs["dialogue id repeated: a number was appended"] += 1
        self._given.add(given)
        return given


def tidy(text: str) -> str:
    """``text`` with every run of white space as one space, in Unicode's composed form."""
    return composed(" ".join(text.split()))


def shortened(text: str) -> str:
    """``text`` as an error quotes it: a file that is something else altogether may hold anything."""
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"


def listing(values: tuple[str, ...]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(values[:-1]), *values[-1:])))


def _decode(text: str, path: Path, first_line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise DataError(f"Line {line} of {path} is no valid JSON ({error.msg}): correct or delete that line.") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a thousand brackets in a row
        raise DataError(
            f"{path} is no JSON that can be read from line {first_line} on ({error}): correct it."
        ) from None


def _object(value: Any, where: str) -> Row:
    if not isinstance(value, dict):
        raise DataError(f"{where[0].upper()}{where[1:]} is a {type(value).__name__}, where a JSON object is needed.")
    return value
