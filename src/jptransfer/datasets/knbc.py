"""KNB corpus (Kyoto University and NTT blog corpus) 1.0: EUC-JP, one KNP file a sentence, opinions as TSV.

Hashimoto, Kurohashi, Kawahara, Shinzato, Nagata (2009). The unit of splits is the article: ``KN001_Kyoto_1`` of the
sentence ``KN001_Kyoto_1-1-2-01``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from io import BytesIO

from jptransfer.config import TaskConfig
from jptransfer.config.task import POOL
from jptransfer.corpora.error_policy import decode_lines
from jptransfer.datasets.archives import members
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.tasks.classification import TextExample
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import Span

SENTENCE = re.compile(r"(?:^|/)corpus1/[^/]+/(KN[^/]+-\d+-\d+-\d+)$")
OPINIONS = re.compile(r"(?:^|/)corpus2/[^/]+\.tsv$")
PHRASE = re.compile(r"[*+] -?\d+[A-Z]\b")
MARK = re.compile(r"<NE:([^:>]+):(single|head|middle|tail)>")
SIGNS = {"＋": "positive", "−": "negative"}


def polarity(config: TaskConfig) -> RawDataset:
    """Label every sentence positive, negative, mixed (opinions of both signs) or none (no opinion with a sign)."""
    path, policy = data_files(config)[POOL], error_policy(config)
    examples = []
    for name, raw in members(path, lambda name: OPINIONS.search(name) is not None):
        for number, line in decode_lines(BytesIO(raw), f"{path}: {name}", config.encoding, policy):
            cells = line.split("\t")
            if len(cells) != 6:
                policy.report("malformed", f"{path}: {name}:{number}", f"{len(cells)} columns instead of 6")
                continue
            signs = {SIGNS[kind[-1]] for kind in cells[4].split("\\n") if kind and kind[-1] in SIGNS}
            label = "mixed" if len(signs) == 2 else next(iter(signs), "none")
            examples.append(TextExample(cells[0], cells[1], label))
    return RawDataset({POOL: examples}, policy.skipped, _articles(examples))


def entities(config: TaskConfig) -> RawDataset:
    """Read named entities of IREX types (OPTIONAL among them) over the gold morphemes."""
    path, policy = data_files(config)[POOL], error_policy(config)
    counts: Counter[str] = Counter()
    examples = []
    for name, raw in members(path, lambda name: SENTENCE.search(name) is not None):
        sentence = SENTENCE.search(name).group(1)  # type: ignore[union-attr]
        morphemes = list(_morphemes(decode_lines(BytesIO(raw), f"{path}: {name}", config.encoding, policy)))
        if morphemes:
            examples.append(_tagged(sentence, morphemes, counts))
        else:
            policy.report("malformed", f"{path}: {name}", "no morphemes")
    return RawDataset({POOL: examples}, counts + policy.skipped, _articles(examples))


def _articles(examples: list) -> dict[str, str]:
    return {example.id: example.id.partition("-")[0] for example in examples}


def _morphemes(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[str, str, str]]:
    """Surface, entity type and position (single, head, middle, tail; empty outside) of each morpheme of a KNP file."""
    for _, line in lines:
        if line and line != "EOS" and not line.startswith("# S-ID:") and not PHRASE.match(line):
            mark = MARK.search(line)
            yield line.split(" ", 1)[0], mark[1] if mark else "", mark[2] if mark else ""


def _tagged(sentence: str, morphemes: list[tuple[str, str, str]], counts: Counter[str]) -> EntityExample:
    """Entities begin at single and head only; a middle or tail that continues nothing is an error of the corpus."""
    tokens: list[tuple[int, int]] = []
    found: list[Span] = []
    open_type, end = "", 0
    for surface, kind, position in morphemes:
        tokens.append((end, end + len(surface)))
        end += len(surface)
        if position in ("single", "head"):
            found.append(Span(*tokens[-1], kind))
        elif position and kind == open_type:
            found[-1] = found[-1]._replace(end=end)
        elif position:
            counts["stray entity marks"] += 1
        open_type = kind if position == "head" or (position == "middle" and kind == open_type) else ""
    text = "".join(surface for surface, _, _ in morphemes)
    return EntityExample(sentence, text, tuple(found), tuple(tokens))
