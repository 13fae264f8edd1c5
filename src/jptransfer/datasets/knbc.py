"""KNB corpus (Kyoto University and NTT blog corpus) 1.0: EUC-JP, one KNP file a sentence, opinions as TSV.

Hashimoto, Kurohashi, Kawahara, Shinzato, Nagata (2009). The unit of splits is the article: ``KN001_Kyoto_1`` of the
sentence ``KN001_Kyoto_1-1-2-01``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from itertools import accumulate

from jptransfer.config import TaskConfig
from jptransfer.corpora.intake import decode_lines
from jptransfer.datasets.archives import members
from jptransfer.datasets.base import POOL, RawDataset, data_files, intake
from jptransfer.datasets.knp import marked_spans, morpheme_mark
from jptransfer.tasks.classification import TextExample
from jptransfer.tasks.ner import EntityExample

SENTENCE = re.compile(r"(?:^|/)corpus1/[^/]+/(KN[^/]+-\d+-\d+-\d+)$")
OPINIONS = re.compile(r"(?:^|/)corpus2/[^/]+\.tsv$")
PHRASE = re.compile(r"[*+] -?\d+[A-Z]\b")
SIGNS = {"＋": "positive", "−": "negative"}


def polarity(config: TaskConfig) -> RawDataset:
    """Label every sentence positive, negative, mixed (opinions of both signs) or none (no opinion with a sign)."""
    path, trouble = data_files(config, [POOL])[POOL], intake(config)
    examples = []
    for name, raw in members(path, lambda name: OPINIONS.search(name) is not None).items():
        for number, line in decode_lines(BytesIO(raw), f"{path}: {name}", config.encoding, trouble):
            cells = line.split("\t")
            if len(cells) != 6:
                trouble.trouble("malformed", f"{path}: {name}:{number}", f"{len(cells)} columns instead of 6")
                continue
            signs = {SIGNS[kind[-1]] for kind in cells[4].split("\\n") if kind and kind[-1] in SIGNS}
            label = "mixed" if len(signs) == 2 else next(iter(signs), "none")
            examples.append(TextExample(cells[0], cells[1], label))
    return RawDataset({POOL: examples}, trouble.skipped, _articles(examples))


def entities(config: TaskConfig) -> RawDataset:
    """Read named entities of IREX types (OPTIONAL among them) over the gold morphemes."""
    path, trouble = data_files(config, [POOL])[POOL], intake(config)
    counts: Counter[str] = Counter()
    examples = []
    for name, raw in members(path, lambda name: SENTENCE.search(name) is not None).items():
        sentence = SENTENCE.search(name).group(1)  # type: ignore[union-attr]
        morphemes = list(_morphemes(decode_lines(BytesIO(raw), f"{path}: {name}", config.encoding, trouble)))
        if morphemes:
            examples.append(_tagged(sentence, morphemes, counts))
        else:
            trouble.trouble("malformed", f"{path}: {name}", "no morphemes")
    return RawDataset({POOL: examples}, counts + trouble.skipped, _articles(examples))


def _articles(examples: list) -> dict[str, str]:
    return {example.id: example.id.partition("-")[0] for example in examples}


def _morphemes(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Surface, and entity type and position (see `morpheme_mark`) of each morpheme of a KNP file."""
    for _, line in lines:
        if line and line != "EOS" and not line.startswith("# S-ID:") and not PHRASE.match(line):
            yield line.split(" ", 1)[0], morpheme_mark(line)


def _tagged(sentence: str, morphemes: list[tuple[str, tuple[str, str]]], counts: Counter[str]) -> EntityExample:
    ends = list(accumulate(len(surface) for surface, _ in morphemes))
    tokens = list(zip([0, *ends], ends, strict=False))
    spans = marked_spans(tokens, [mark for _, mark in morphemes], counts)
    return EntityExample(sentence, "".join(surface for surface, _ in morphemes), tuple(spans), tuple(tokens))
