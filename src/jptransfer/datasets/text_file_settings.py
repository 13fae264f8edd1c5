"""Settings and registry row of reader `text_file`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jptransfer.config.fields import setting
from jptransfer.config.text import Quotes
from jptransfer.datasets.separators import separator_error
from jptransfer.registry import DATASETS

if TYPE_CHECKING:
    from jptransfer.config.task import TaskConfig


@DATASETS.register("text_file", target="jptransfer.datasets.text_file:read", pairs=True)
@dataclass
class TextFileConfig:
    """Labelled texts in TSV, CSV or JSON lines: your own, the toy's, JRTE's."""

    separator: str = ""
    """tab, comma, semicolon, pipe, space or any character; empty: by the file's name"""
    id_column: str = ""
    """column of ids, by name or number; empty: rows are numbered"""
    split_column: str = ""
    """column of splits in a file that holds all of them (`task.files.all`)"""
    group_column: str = ""
    """column of what must stay together where splits are made, such as an author"""
    header: bool | None = None
    """whether the first line names the columns; null: it does unless all columns are given by number"""
    quotes: Quotes = Quotes.auto
    """whether quotes are special: yes, no, or auto: in CSV, unless they swallow rows"""
    escaped_newlines: bool = setting(False, omit_when=False)
    """whether the file writes a line end inside a text as \\n, as the CSV files of Zhang et al. (2015) do"""

    def validate(self) -> str:
        """Return what is wrong with the separator, if anything."""
        return separator_error(self.separator)

    def check_files(self, task: TaskConfig) -> None:
        """Raise `ConfigError` or `DataError` if the columns or the first row of a file are not as the settings say."""
        from jptransfer.datasets.text_file import check_files

        check_files(task)
