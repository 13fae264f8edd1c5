"""Settings and registry rows of the readers of running text."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.config.text import Quotes
from jptransfer.registry import SOURCES

READERS = "jptransfer.corpora.readers"

SOURCES.add("text", f"{READERS}:read_text", "one sentence a line, a blank line between documents")
SOURCES.add("jsonl", f"{READERS}:read_jsonl", "one JSON object a line", columns=True)
SOURCES.add("wikiextractor", f"{READERS}:read_wikiextractor", "WikiExtractor output, <doc> elements or JSON")
SOURCES.add("tsv", f"{READERS}:read_tsv", "columns of a tab-separated file, one sentence a cell", columns=True)
SOURCES.add("hf", f"{READERS}:read_hf", "a Hugging Face data set, from the hub or from disk", columns=True, split=True,
            encoding=False)
SOURCES.add("task", f"{READERS}:read_task", "the texts of the task's training split, without labels", columns=True,
            split=True, encoding=False, needs=("dataset",))


@SOURCES.register("folder", target=f"{READERS}:read_folder", flat=True)
@dataclass
class FolderConfig:
    """A folder of text files, one document a file."""

    skip_lines: int = setting(0, low=0, omit_when=0)
    """lines at the head of each file that are not text: an address, a date, a title"""


@SOURCES.register("csv", target=f"{READERS}:read_csv", columns=True, flat=True)
@dataclass
class CsvConfig:
    """Columns of a comma-separated file with quotes, each cell a document."""

    quotes: Quotes = setting(Quotes.auto, omit_when=Quotes.auto)
    """whether quotes are special (yes), plain characters (no), or special unless they swallow rows (auto)"""
