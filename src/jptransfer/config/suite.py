"""A paper's table or figure as data: rows, columns, what each cell runs, and what the paper reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.config.task import SPLITS, oracle_epoch, scored_split, split_name
from jptransfer.errors import unknown


@dataclass
class ScaleConfig:
    """How large everything is."""

    overrides: list[str] = setting(factory=list)
    """overrides of every cell at this scale"""
    seeds: list[int] = setting(factory=lambda: [0], low=0)
    """seeds of fine-tuning"""
    note: str = ""
    """what a reader of the table has to know of this scale"""


@dataclass
class FragmentConfig:
    """Overrides under a name, for rows and columns to `include`: a model, a data set, an adaptation."""

    overrides: list[str] = setting(factory=list)
    """overrides at every scale"""
    scales: dict[str, list[str]] = setting(factory=dict)
    """scale -> further overrides"""


@dataclass
class RowConfig:
    """A row of the table."""

    title: str = ""
    """heading; empty: the row's name"""
    include: list[str] = setting(factory=list)
    """parts it is made of"""
    overrides: list[str] = setting(factory=list)
    """further overrides"""
    cells: dict[str, list[str]] = setting(factory=dict)
    """column -> further overrides of that cell alone"""
    paper_value: dict[str, float] = setting(factory=dict)
    """column -> what the paper reports, as printed"""
    paper_only: bool = False
    """only the paper's figures: nothing of this row is run"""
    note: str = ""
    """remark under the table"""


@dataclass
class ColumnConfig:
    """A column of the table."""

    title: str = ""
    """heading; empty: the column's name"""
    include: list[str] = setting(factory=list)
    """parts it is made of"""
    overrides: list[str] = setting(factory=list)
    """further overrides"""
    count: list[str] = setting(factory=list)
    """for other cells than evaluations: values of the artifact's summary to add up; a list counts its entries"""


@dataclass
class SuiteConfig:
    """One table of a paper."""

    title: str = ""
    """what it shows"""
    plugins: list[str] = setting(factory=list)
    """importable modules whose heads, encoders, readers, ... the cells use"""
    source: str = ""
    """paper and number of the table"""
    caption: str = ""
    """what a reader has to know"""
    cells: str = setting("evaluation", registry="cells")
    """what a cell is, see `jpt ls cells`"""
    metric: str = setting("", registry="metrics")
    """metric of the cells; empty: the task's own"""
    split: str = "test"
    """split that is scored, or oracle_test_epoch (with `evaluation.oracle_epoch`)"""
    digits: int = setting(2, low=0, high=6)
    """decimals of scores"""
    layout: str = setting("absolute", registry="layouts")
    """how the table is set, see `jpt ls layouts`"""
    baseline: str = ""
    """row that others are compared with; empty: the first one"""
    figure: str = setting("", registry="figures")
    """kind of figure, see `jpt ls figures`; empty: none"""
    bootstrap: int = setting(1000, low=20, off=0)
    """resamples behind an interval; 0: no interval"""
    confidence: float = setting(0.95, low=0.5, high=0.999)
    """level of intervals"""
    trials: int = setting(10_000, low=100)
    """trials of the paired test against the baseline (layout differences)"""
    scales: dict[str, ScaleConfig] = setting(factory=dict)
    """scale -> overrides, seeds and a note"""
    fragments: dict[str, FragmentConfig] = setting(factory=dict)
    """name -> overrides that rows and columns share"""
    rows: dict[str, RowConfig] = setting(factory=dict)
    """name -> row"""
    columns: dict[str, ColumnConfig] = setting(factory=dict)
    """name -> column"""

    @property
    def base(self) -> str:
        """Name of the row that others are compared with."""
        return self.baseline or next(iter(self.rows), "")

    def validate(self) -> str:
        """Return what is wrong with names that refer to each other, if anything."""
        return next(self._complaints(), "")

    def _complaints(self) -> Iterator[str]:
        named = ("rows", self.rows), ("columns", self.columns), ("scales", self.scales)
        yield from (f"{name} is empty" for name, table in named if not table)
        if self.base not in self.rows:
            yield f"baseline: {unknown('row', self.base, self.rows)}"
        if split_name(scored_split(self.split)) != scored_split(self.split):
            yield f"split: {unknown('split', self.split, (*SPLITS, *map(oracle_epoch, SPLITS)))}"
        for where, entries in named[:2]:
            for name, entry in entries.items():
                strange = [part for part in entry.include if part not in self.fragments]
                yield from (f"{where}.{name}.include: {unknown('fragment', part, self.fragments)}" for part in strange)
        for name, row in self.rows.items():
            strange = [column for column in (*row.paper_value, *row.cells) if column not in self.columns]
            yield from (f"rows.{name}: {unknown('column', column, self.columns)}" for column in strange)
        yield from (f"scales.{name}.seeds: give one or more" for name, scale in self.scales.items() if not scale.seeds)
        for name, part in self.fragments.items():
            strange = [scale for scale in part.scales if scale not in self.scales]
            yield from (f"fragments.{name}.scales: {unknown('scale', scale, self.scales)}" for scale in strange)
