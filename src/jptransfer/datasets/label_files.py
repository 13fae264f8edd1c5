"""Files that hold the texts of one label each, a text per line: ``rt-polarity.pos`` and ``rt-polarity.neg``."""

from __future__ import annotations

from pathlib import Path

from jptransfer.config import TaskConfig
from jptransfer.corpora.error_policy import ErrorPolicy
from jptransfer.datasets.archives import members
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.errors import ConfigError, DataError, nearest
from jptransfer.files import codec
from jptransfer.tasks.classification import TextExample


def read(config: TaskConfig) -> RawDataset:
    """Read the files of splits or ``all``: each a folder or archive that holds a file per label.

    The labels' files are read in the order of the settings. Blank lines are passed over.
    """
    labels = config.label_files.files
    if not labels:
        raise ConfigError("task.label_files.files: no file is named; for example "
                          "task.label_files.files={negative: rt-polarity.neg, positive: rt-polarity.pos}")
    policy = error_policy(config)
    data = RawDataset({}, policy.skipped)
    for role, path in data_files(config).items():
        data.splits[role] = []
        found = _files(path)
        for label, name in labels.items():
            if name not in found:
                raise DataError(f"{path}: there is no file '{name}'{nearest(name, found)} "
                                f"(task.label_files.files.{label})")
            texts = _texts(found[name], f"{path}: {name}", config.encoding, policy)
            data.splits[role] += [TextExample(f"{role}-{label}-{number}", text, label) for number, text in texts]
    return data


def _files(path: Path) -> dict[str, bytes]:
    """Return name -> bytes of all files of a folder or archive.

    Raises:
        DataError: two folders hold files of the same name.
    """
    found: dict[str, bytes] = {}
    for place, raw in members(path, lambda name: True):
        name = place.rpartition("/")[2]
        if name in found:
            raise DataError(f"{path}: holds more than one file named '{name}'; name the folder with the right one")
        found[name] = raw
    return found


def _texts(raw: bytes, where: str, encoding: str, policy: ErrorPolicy) -> list[tuple[int, str]]:
    """Return number and text of each line that is not blank; lines that cannot be decoded are reported."""
    texts = []
    for number, line in enumerate(raw.split(b"\n"), 1):
        try:
            text = line.decode(codec(encoding)).removeprefix("\ufeff").strip()
        except UnicodeDecodeError as error:
            policy.report("bad_bytes", f"{where}:{number}", f"not {encoding}: byte 0x{line[error.start]:02x}")
            continue
        if text:
            texts.append((number, text))
    return texts
