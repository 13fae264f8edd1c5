"""How repositories of the Hugging Face hub are written in settings: ``hf:org/name`` or ``hf:org/name@revision``."""

from __future__ import annotations

HUB = "hf:"


def split_reference(reference: str) -> tuple[str, str | None]:
    """Return (repository, revision) of a reference, with or without its ``hf:``; the revision is None if not given."""
    name, _, revision = reference.removeprefix(HUB).partition("@")
    return name, revision or None
