"""The answers of a study in one SQLite file: written at every click, on the disk before the page answers."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from interplay_bench.environment.errors import DataError
from interplay_bench.study.answer import Answer

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    annotator TEXT, page INTEGER, criterion TEXT, choice TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (annotator, page, criterion)
);
CREATE TABLE IF NOT EXISTS comments (annotator TEXT, page INTEGER, text TEXT NOT NULL, PRIMARY KEY (annotator, page));
CREATE TABLE IF NOT EXISTS consents (annotator TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS keys (key TEXT NOT NULL);
"""
_WAIT = 30.0
"""Seconds that a write waits for those before it."""


class AnswerStore:
    """One row per annotator, page and criterion; a changed answer takes the place of the one before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.touch(mode=0o600)  # what people answered is for the study's owner
            with self._open() as database:
                database.execute("PRAGMA journal_mode = WAL")
                database.executescript(_TABLES)
                database.execute(
                    "INSERT INTO keys SELECT ? WHERE NOT EXISTS (SELECT * FROM keys)", [secrets.token_hex(32)]
                )
                (self.key,) = database.execute("SELECT key FROM keys").fetchone()
        except (OSError, sqlite3.Error) as error:
            raise DataError(f"The answers {path} cannot be opened: {error}.") from None

    def save(self, answers: Iterable[Answer]) -> None:
        """Keep ``answers``, all or none."""
        with self._open() as database:
            database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", map(_row, answers))

    def replace(self, annotator: str, answers: Iterable[Answer]) -> None:
        """Keep ``answers`` in place of everything that ``annotator`` answered before."""
        with self._open() as database:
            database.execute("DELETE FROM answers WHERE annotator = ?", [annotator])
            database.executemany("INSERT INTO answers VALUES (?, ?, ?, ?, ?)", map(_row, answers))

    def answers(self, annotator: str | None = None) -> list[Answer]:
        """All answers, or one annotator's, by annotator, page and criterion."""
        where, values = ("WHERE annotator = ?", [annotator]) if annotator else ("", [])
        with self._open() as database:
            rows = database.execute(f"SELECT * FROM answers {where} ORDER BY annotator, page, criterion", values)
            return [Answer(*row) for row in rows]

    def comment(self, annotator: str, page: int, text: str) -> None:
        """Keep what an annotator remarked on a page."""
        with self._open() as database:
            database.execute("INSERT OR REPLACE INTO comments VALUES (?, ?, ?)", [annotator, page, text])

    def comments(self, annotator: str) -> dict[int, str]:
        """What an annotator remarked, by page."""
        return {page: text for name, page, text in self.all_comments() if name == annotator}

    def all_comments(self) -> list[tuple[str, int, str]]:
        """Every remark: annotator, page, text."""
        with self._open() as database:
            return list(database.execute("SELECT * FROM comments WHERE text != '' ORDER BY annotator, page"))

    def consent(self, annotator: str) -> None:
        """Keep that an annotator agreed to take part, and when."""
        with self._open() as database:
            database.execute("INSERT OR IGNORE INTO consents VALUES (?, ?)", [annotator, time.time()])

    def consented(self, annotator: str) -> bool:
        """Whether an annotator agreed to take part."""
        with self._open() as database:
            found = database.execute("SELECT 1 FROM consents WHERE annotator = ?", [annotator]).fetchone()
            return found is not None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection of this call's own: calls come from many threads."""
        database = sqlite3.connect(self._path, timeout=_WAIT)
        try:
            database.execute("PRAGMA synchronous = FULL")
            with database:
                yield database
        finally:
            database.close()


def _row(answer: Answer) -> tuple[str, int, str, str, float]:
    return answer.annotator, answer.page, answer.criterion, answer.choice, answer.at or time.time()
