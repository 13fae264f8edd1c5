"""What a configuration field can say about itself besides its type: how it counts, and what it may hold.

Every stage hashes its configuration (see `jptransfer.artifacts.fingerprint`); these markers decide how:
`external` fields hold a place (file, folder, glob, hub name) and enter by content, `label` fields only name things
and never enter, `chosen_by` sections enter if they are chosen, `omit_when` keeps the identities of artifacts that were
made before a field existed.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

UNSET: Any = object()


def setting(
    default: Any = UNSET,
    *,
    factory: Any = UNSET,
    external: bool | str = False,
    ordered: bool = False,
    label: bool = False,
    omit_when: Any = UNSET,
    registry: str | None = None,
    low: float | None = None,
    high: float | None = None,
    off: int | None = None,
    chosen_by: str | None = None,
    read_if: str | None = None,
    counts: bool = False,
) -> Any:
    """Return a dataclass field with markers.

    Args:
        default: the value if none is given. `factory`: a callable that makes it, for lists and dicts.
        external: the value is a place; its content's digest enters the identity, the value does not. With
            `dictionary` it may also name an installed package.
        ordered: the order of a table's entries matters, and so counts in the identity.
        label: the value only names something and never enters an identity.
        omit_when: leave the field out of the identity while it has this value.
        registry: the value (or every item of a list) must be a name of this table of `jptransfer.registry.ALL`.
        low, high: inclusive limits of a number. `off`: the value outside them that switches the setting off.
        chosen_by: the field is a section that counts only where this field of the same section holds its name;
            sections that registered members add are marked so by themselves.
        read_if: only members whose registry entry says so in this field read the setting, which does not count else.
        counts: it counts in identities also where `read_if` says that it is not read, as it did before that was said.
    """
    marks = {"external": external, "ordered": ordered, "label": label, "registry": registry, "low": low, "high": high,
             "off": off, "chosen_by": chosen_by, "read_if": read_if, "counts": counts}
    metadata = {name: value for name, value in marks.items() if value is not None and value is not False}
    if omit_when is not UNSET:
        metadata["omit_when"] = omit_when
    if factory is not UNSET:
        return field(default_factory=factory, metadata=metadata)
    if default is UNSET:
        raise TypeError("a setting needs a default or a factory")
    return field(default=default, metadata=metadata)
