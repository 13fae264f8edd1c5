"""A user's own texts with a label or a number: TSV, CSV or JSON lines, compressed or not, columns by name or number."""

from __future__ import annotations

from dataclasses import replace

from jptransfer.config import OnError, TaskConfig
from jptransfer.config.task import POOL, SPLIT_NAMES, split_name
from jptransfer.corpora.error_policy import ErrorPolicy
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.datasets.tables import check_different, first_rows, read_rows
from jptransfer.errors import ConfigError, DataError
from jptransfer.tasks.abilities import ReadsTarget
from jptransfer.tasks.base import load_kind


def read(config: TaskConfig) -> RawDataset:
    """Read the files of splits, or ``all`` with an optional column of splits.

    Columns that are all numbers mean a file without header, unless its first line holds these very numbers in their
    places (`header` overrides). Quotes are special in CSV and plain characters in TSV (`quotes` overrides).
    """
    kind, columns = _kind(config), _columns(config)
    check_different(columns)
    settings, policy = config.text_file, error_policy(config)
    data = RawDataset({}, policy.skipped)
    seen: set[str] = set()
    for role, path in data_files(config).items():
        if role != POOL or "split" not in columns:
            data.splits[role] = []
        for number, (where, cells) in enumerate(read_rows(path, columns, settings, config.encoding, policy), 1):
            cells.setdefault("id", f"{role}-{number}")
            if settings.escaped_newlines:
                cells |= {name: cells[name].replace("\\n", "\n") for name in ("text", "text_pair") if name in cells}
            split = split_name(cells["split"], config.roles.named) if "split" in cells else role
            if split and _sound(where, cells, seen, policy):
                try:
                    example = kind.read_target(cells["id"], cells["text"], cells["label"])
                except ValueError as error:
                    policy.report(f"unreadable {config.label_column}", where, f"{config.label_column}: {error}")
                    continue
                data.splits.setdefault(split, []).append(replace(example, text_pair=cells.get("text_pair")))
                data.groups.update({cells["id"]: cells["group"]} if "group" in cells else {})
            elif not split:
                policy.report("unknown split", where, f"'{cells['split']}' does not name a split ({SPLIT_NAMES})")
    return data


def check_files(config: TaskConfig) -> None:
    """Raise an error if a column is missing, or the label of a file's first row is none of the kind.

    Only the head of each file is read, so that planning stays cheap.
    """
    kind = _kind(config)
    for where, cells in first_rows(config, _columns(config), config.text_file):
        label = cells["label"].strip()
        try:
            if label and config.on_error is OnError.stop:
                kind.read_target("", cells["text"], label)
        except ValueError as error:
            raise DataError(f"{where}: {config.label_column}: {error} (task.label_column)") from error


def _kind(config: TaskConfig) -> type[ReadsTarget]:
    kind = load_kind(config.kind)
    if not issubclass(kind, ReadsTarget):
        raise ConfigError(f"task.kind: data set '{config.dataset}' has no examples for kind '{config.kind}'")
    return kind


def _columns(config: TaskConfig) -> dict[str, str]:
    """Return the columns that are read: role -> name or number."""
    settings = config.text_file
    given = {"text": config.text_column, "label": config.label_column, "text_pair": config.text_pair_column,
             "id": settings.id_column, "split": settings.split_column, "group": settings.group_column}
    return {role: column for role, column in given.items() if column or role in ("text", "label")}


def _sound(where: str, cells: dict[str, str], seen: set[str], policy: ErrorPolicy) -> bool:
    """Return whether the row has its text or two, a label and an id of its own; otherwise it is reported."""
    cells["label"] = cells["label"].strip()
    for name in ("id", "text", "text_pair", "label"):
        if name in cells and not cells[name].strip():
            policy.report(f"empty {name}", where, f"the {name} is empty")
            return False
    if cells["id"] in seen:
        policy.report("repeated id", where, f"the id '{cells['id']}' was there before")
        return False
    seen.add(cells["id"])
    return True
