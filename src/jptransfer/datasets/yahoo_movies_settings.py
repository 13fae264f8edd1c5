"""Settings and registry row of reader `yahoo_movies`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.task import POOL, TaskConfig
from jptransfer.datasets.separators import separator_error
from jptransfer.registry import DATASETS


@DATASETS.register("yahoo_movies", target="jptransfer.datasets.yahoo_movies:read", files=(POOL,))
@dataclass
class YahooMoviesConfig:
    """Yahoo movie reviews with a rating, made binary and balanced."""

    balance: bool = True
    """sample the larger class down to the size of the smaller one"""
    separator: str = ""
    """of a table in place of JSON lines: tab, comma, semicolon, pipe, space or any character; empty: by the file's name
    """

    def validate(self) -> str:
        """Return what is wrong with the separator, if anything."""
        return separator_error(self.separator)

    def check_files(self, task: TaskConfig) -> None:
        """Raise `ConfigError` or `DataError` if the columns or the first row of a file are not as the settings say."""
        from jptransfer.datasets.yahoo_movies import check_files

        check_files(task)
