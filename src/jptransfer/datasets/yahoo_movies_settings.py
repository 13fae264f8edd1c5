"""Settings and registry row of reader `yahoo_movies`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.task import POOL
from jptransfer.datasets.separators import separator_error
from jptransfer.registry import DATASETS


@DATASETS.register("yahoo_movies", target="jptransfer.datasets.yahoo_movies:read", files=(POOL,))
@dataclass
class YahooMoviesConfig:
    """Yahoo movie reviews with a rating, made binary and balanced."""

    balance: bool = True
    """keep as many reviews of the larger class as the smaller one has"""
    separator: str = ""
    """of a table in place of JSON lines: tab, comma, semicolon, pipe, space or any character; empty: by the file's name
    """

    def validate(self) -> str:
        """Return what is wrong with the separator, if anything."""
        return separator_error(self.separator)
