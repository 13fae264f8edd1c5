"""A user's own texts with a label or a number: TSV, CSV or JSON lines, compressed or not, columns by name or number."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from jptransfer.config import TaskConfig
from jptransfer.config.task import POOL, SPLIT_NAMES, split_name
from jptransfer.corpora.error_policy import ErrorPolicy
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.datasets.tables import read_rows
from jptransfer.errors import ConfigError
from jptransfer.tasks.abilities import ReadsTarget
from jptransfer.tasks.base import load_kind


def read(config: TaskConfig) -> RawDataset:
    """Read the files of splits, or ``all`` with an optional column of splits.

    Columns that are all numbers mean a file without header, unless its first line holds these very numbers in their
    places (`header` overrides). Quotes are special in CSV and plain characters in TSV (`quotes` overrides).
    """
    kind = load_kind(config.kind)
    if not issubclass(kind, ReadsTarget):
        raise ConfigError(f"task.kind: data set '{config.dataset}' has no examples for kind '{config.kind}'")
    settings, policy = config.text_file, error_policy(config)
    columns = {"text": config.text_column, "label": config.label_column}
    if config.text_pair_column:
        columns["text_pair"] = config.text_pair_column
    for one, other in combinations(columns, 2):
        if columns[one] == columns[other]:
            raise ConfigError(f"task.{other}_column={columns[other]} is task.{one}_column too; it must be another one")
    own = {"id": settings.id_column, "split": settings.split_column, "group": settings.group_column}
    columns |= {role: column for role, column in own.items() if column}
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
