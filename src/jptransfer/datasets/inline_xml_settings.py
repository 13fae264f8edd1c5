"""Settings and registry row of reader `inline_xml`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import DATASETS

IREX = ("ARTIFACT", "DATE", "LOCATION", "MONEY", "OPTIONAL", "ORGANIZATION", "PERCENT", "PERSON", "TIME")


@DATASETS.register("inline_xml", target="jptransfer.datasets.inline_xml:read")
@dataclass
class InlineXmlConfig:
    """Texts with entities as inline elements (BCCWJ-NER)."""

    types: list[str] = setting(factory=lambda: list(IREX))
    """elements that are entities; all others are mark-up"""
    suffixes: list[str] = setting(factory=lambda: [".xml", ".txt", ".sgml"])
    """ends of the names of files that are read"""
