"""Stanford Sentiment Treebank (Socher et al. 2013): ``train.txt``, ``dev.txt`` and ``test.txt`` with one tree per line.

A tree is ``(3 (2 An) (3 (3 engaging) (2 film)))``: every node has a sentiment from 0, very negative, to 4. Brackets in
a text are written -LRB- and -RRB-, and a slash ``\\/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jptransfer.config import TaskConfig
from jptransfer.corpora.error_policy import read_lines
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.datasets.sst_trees_settings import SentimentScale
from jptransfer.tasks.classification import TextExample

FINE = ("very_negative", "negative", "neutral", "positive", "very_positive")
BINARY = ("negative", "negative", "", "positive", "positive")
PART = re.compile(r"\(([0-4]) |([^\s()]+)|(\))|(\S)")
BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LCB-": "{", "-RCB-": "}", "-LSB-": "[", "-RSB-": "]"}

Phrase = tuple[int, str]
"""Sentiment and text of a node of a tree."""


def read(config: TaskConfig) -> RawDataset:
    """Read the files of splits; the text of a tree is its words, separated by spaces.

    Phrases, if they are asked for, are added to the split of `task.roles.fit`, after its sentences.
    """
    settings, policy = config.sst_trees, error_policy(config)
    names = FINE if settings.scale is SentimentScale.fine else BINARY
    data = RawDataset({}, policy.skipped)
    for role, path in data_files(config).items():
        examples = data.splits.setdefault(role, [])
        inside: dict[Phrase, None] = {}
        for number, line in read_lines(path, config.encoding, policy):
            if not line.strip():
                continue
            try:
                *phrases, (value, text) = _nodes(line)
            except ValueError as error:
                policy.report("malformed", f"{path}:{number}", str(error))
                continue
            if names[value]:
                examples.append(TextExample(f"{role}-{number}", text, names[value]))
            else:
                data.counts["neutral"] += 1
            inside |= dict.fromkeys(phrases)
        if settings.phrases and role == config.roles.fit:
            known = {example.text for example in examples}
            phrases = [(value, text) for value, text in inside if names[value] and text not in known]
            examples += [TextExample(f"{role}-phrase-{number}", text, names[value])
                         for number, (value, text) in enumerate(phrases, 1)]
    return data


def _nodes(line: str) -> Iterator[Phrase]:
    """Yield the nodes of a tree, children before their parents; the last is the whole sentence.

    Raises:
        ValueError: it is not one tree.
    """
    open_nodes: list[tuple[int, list[str]]] = []
    done = False
    for value, word, close, other in PART.findall(line):
        if done or other or (word or close) and not open_nodes:
            raise ValueError("not a tree such as (3 (2 An) (4 (4 engaging) (2 film)))")
        if value:
            open_nodes.append((int(value), []))
        elif word:
            open_nodes[-1][1].append(BRACKETS.get(word, word.replace("\\/", "/")))
        elif close:
            sentiment, words = open_nodes.pop()
            if not words:
                raise ValueError("a node of the tree has no words")
            if open_nodes:
                open_nodes[-1][1].extend(words)
            done = not open_nodes
            yield sentiment, " ".join(words)
    if not done:
        raise ValueError("the tree is not closed")
