"""Settings and registry row of reader `span_json`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.registry import DATASETS


@DATASETS.register("span_json", target="jptransfer.datasets.span_json:read", version=2)
@dataclass
class SpanJsonConfig:
    """Texts and spans in JSON or JSON lines: your own, stockmark's."""

    entities: str = "entities"
    """field of a record that lists its entities: objects, or lists [start, end, type]"""
    type: str = "type"
    """field of an entity's type"""
    start: str = "start"
    """field of an entity's first character"""
    end: str = "end"
    """field of the character after an entity's last one"""
    span: str = ""
    """field of a list [start, end], in place of `start` and `end`"""
    name: str = ""
    """field of an entity's own text, which is checked against the text; empty: none"""
    group: str = ""
    """field of a record that names what must stay together where splits are made; empty: none"""
    id: str = ""
    """field of a record's id; empty: records are numbered"""
