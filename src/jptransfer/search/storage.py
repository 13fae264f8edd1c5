"""Where a study is kept: a journal file or a database, the lock of the search on it, files that are damaged."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from jptransfer.config.names import check_name
from jptransfer.errors import ConfigError, reason
from jptransfer.locks import exclusive

log = logging.getLogger(__name__)
SUFFIX = ".journal"
SQLITE = "sqlite:///"
ADDED_BYTES = 55
"""Bytes that the suffixes of the journal and of the locks on it add to the study's name."""


class _HeldElsewhere(JournalFileOpenLock):
    """The lock of a journal of which `StudyPlace.hold` has the only writer; a lock that a kill left cannot block."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


class StudyPlace:
    """The place of one study."""

    def __init__(self, name: str, storage: str, folder: Path) -> None:
        """Take the study's name, the setting `storage` and the folder for studies that name no storage.

        Raises:
            ConfigError: the name is not a file name, or the storage is a folder.
        """
        check_name("hydra.sweeper.study_name", name, ADDED_BYTES)
        self.name, self.url = name, storage if "://" in storage else ""
        self.is_default = not storage
        self.file = Path(storage) if storage and not self.url else folder / f"{name}{SUFFIX}"
        if self.file.is_dir():
            raise ConfigError(f"hydra.sweeper.storage: {self.file} is a folder; give a file or a URL")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep other searches off the study: two at once wait for each other, and none loses or repeats a trial."""
        database = Path(self.url.removeprefix(SQLITE)) if self.url.startswith(SQLITE) else None
        beside = database or self.file
        lock = beside.with_name(f".{beside.name}.search")
        with exclusive(lock, lambda: log.warning("study %s: another search runs it, waiting", self.name)):
            beside.with_name(f"{beside.name}.lock").unlink(missing_ok=True)  # Optuna's own, of a killed process
            yield

    def open(self) -> BaseStorage:
        """Return the storage. A damaged journal is set aside with one line; the study then begins again.

        Raises:
            ConfigError: the database cannot be used, or the file is not a journal.
        """
        if self.url:
            return self._database()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        try:
            _repair(self.file)
            storage = self._journal()
            if self.is_default and self.file.stat().st_size and not storage.get_all_studies():
                raise ValueError("there are records and no study")
            return storage
        except OSError:
            raise
        except Exception as error:  # whatever replaying records that do not fit together raises
            self._set_aside(reason(error))
            return self._journal()

    def _database(self) -> BaseStorage:
        try:
            return RDBStorage(self.url)
        except Exception as error:  # each driver has errors of its own
            raise ConfigError(f"hydra.sweeper.storage={self.url}: {reason(error)}") from error

    def _journal(self) -> JournalStorage:
        return JournalStorage(JournalFileBackend(str(self.file), lock_obj=_HeldElsewhere(str(self.file))))

    def _set_aside(self, why: str) -> None:
        if not self.is_default and not _begins_as_journal(self.file):
            raise ConfigError(f"hydra.sweeper.storage: {self.file} is not a journal of Optuna ({why})")
        numbers = (f"{self.file.name}.damaged{number or ''}" for number in range(10**6))
        aside = next(path for path in map(self.file.with_name, numbers) if not path.exists())
        self.file.rename(aside)
        log.warning("study %s: its file is damaged (%s) and was set aside as %s; the study begins again",
                    self.name, why, aside)


def _repair(file: Path) -> None:
    """Cut off a last record that a kill left half written; Optuna would append the next one to it.

    Raises:
        ValueError: a line is not a record; the message names it.
    """
    if not file.exists():
        return
    data = file.read_bytes()
    end = data.rfind(b"\n") + 1
    for number, line in enumerate(data[:end].splitlines(), 1):
        if not _is_record(line):
            raise ValueError(f"line {number} is not a record")
    if end < len(data):
        if not data[end:].startswith(b'{"op_code"'[:len(data) - end]):
            raise ValueError("the last line is not a record")
        with file.open("r+b") as stream:
            stream.truncate(end)


def _begins_as_journal(file: Path) -> bool:
    with file.open("rb") as stream:
        return _is_record(stream.readline())


def _is_record(line: bytes) -> bool:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and "op_code" in record
