"""Settings of the stages that turn official files into clean text, tokenizers and token ids."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.registration import WithMembers
from jptransfer.registry import CLEANERS, SOURCES, TOKENIZERS


class OnError(Enum):
    """What to do with input that cannot be read."""

    stop = "stop"
    skip = "skip"


class Quotes(Enum):
    """What quotes in a comma-separated file are."""

    auto = "auto"
    yes = "yes"
    no = "no"


@SOURCES.sections("format")
@dataclass
class SourceConfig(WithMembers):
    """One place that running text comes from; each registered reader with settings adds a section of its own."""

    path: str = setting("", external=True)
    """file, folder, glob, or for format hf a data set as `name`, `name@revision` or a folder"""
    format: str = setting("text", registry="sources")
    """how the source is laid out, see `jpt ls sources`"""
    columns: list[str] = setting(factory=lambda: ["text"], read_if="columns", counts=True)
    """fields (jsonl, hf, task) or 0-based column numbers (csv, tsv) that hold text; each is a sentence or a document of
    its own"""
    where: dict[str, str] = setting(factory=dict, read_if="columns", counts=True)
    """only rows whose column or field has this value (jsonl, hf, task, csv, tsv)"""
    split: str = setting("", read_if="split", counts=True)
    """split of a Hugging Face data set, empty: train; of the task, in `exclude` alone, empty: that of
    `task.roles.final`"""
    split_sentences: bool | None = None
    """cut lines into sentences after 。！？; null: as the format says (text and tsv: sentences, others: paragraphs)"""
    max_sentences: int = setting(10_000, low=1)
    """a longer document is cut after this many sentences; 1: every sentence is a document of its own"""
    encoding: str = setting("utf-8", read_if="encoding", counts=True)
    """character encoding of the files"""
    weight: float = setting(1.0, low=0.0)
    """share of the corpus budget (`max_bytes`) that this source gets, relative to the weights of the other sources"""
    max_bytes: int | None = setting(None, low=1)
    """budget of UTF-8 bytes; documents are sampled uniformly (seeded) to fit it"""


@CLEANERS.sections("steps")
@dataclass
class CleaningConfig(WithMembers):
    """What is done to a sentence, and which sentences stay; a registered step with settings adds a section of its own.
    """

    steps: list[str] = setting(factory=lambda: ["nfkc", "whitespace", "control"], registry="cleaners")
    """normalisations in order, see `jpt ls cleaners`"""
    min_chars: int = setting(1, low=0)
    """shorter sentences are dropped (characters)"""
    max_chars: int = setting(2000, low=1)
    """longer sentences are dropped (characters)"""
    min_japanese: float = setting(0.0, low=0.0, high=1.0)
    """sentences with a smaller share of kana and kanji are dropped"""
    min_kana: float = setting(0.0, low=0.0, high=1.0)
    """sentences with a smaller share of kana are dropped (Chinese text has none)"""


@dataclass
class DeduplicationConfig:
    """Which repeated documents are removed; the first of a group stays."""

    exact: bool = True
    """drop documents equal after cleaning"""
    near: bool = False
    """drop documents whose MinHash similarity reaches `threshold`"""
    threshold: float = setting(0.8, low=0.0, high=1.0)
    """estimated Jaccard similarity of character n-grams from which two documents are near duplicates"""
    ngram: int = setting(5, low=1)
    """characters per shingle"""
    permutations: int = setting(128, low=8)
    """length of a MinHash signature"""
    bands: int | None = setting(None, low=1)
    """bands of the locality-sensitive index; null: chosen from threshold and permutations"""


@dataclass
class CorpusConfig:
    """Running text: where it comes from, how it is cleaned and split."""

    name: str = setting("corpus", label=True)
    """label of the artifact"""
    sources: dict[str, SourceConfig] = setting(factory=dict, ordered=True)
    """name -> source; an empty table means there is no such corpus"""
    cleaning: CleaningConfig = setting(factory=CleaningConfig)
    """normalisation and filters"""
    exclude: dict[str, SourceConfig] = setting(factory=dict)
    """name -> source of sentences that must not occur in the corpus (a held-out test split)"""
    deduplication: DeduplicationConfig = setting(factory=DeduplicationConfig)
    """exact and near-duplicate removal"""
    validation_fraction: float = setting(0.01, low=0.0, high=0.9)
    """share of documents, by hash of their text, that go to the validation split"""
    test_fraction: float = setting(0.0, low=0.0, high=0.9)
    """share of documents, by hash of their text, that go to the test split"""
    max_bytes: int | None = setting(None, low=1)
    """budget of UTF-8 bytes over all sources, divided by their weights"""
    seed: int = setting(0, low=0)
    """seed of sampling and of the split hash"""
    on_error: OnError = OnError.stop
    """bad bytes, truncated archives, malformed lines: stop with an error, or skip, count and report"""


class CorpusRole(Enum):
    """Which of the two corpora of a configuration is meant."""

    corpus = "corpus"
    domain = "domain"


class Segmentation(Enum):
    """How text is cut into words."""

    mecab = "mecab"
    whitespace = "whitespace"
    punctuation = "punctuation"


NO_READINGS = "gives no readings; romanize and join_auxiliaries need mecab"
"""What is said of other segmenters where readings are wanted."""


@dataclass
class SegmenterConfig:
    """What finds the words of a text."""

    name: Segmentation = setting(Segmentation.mecab, omit_when=Segmentation.mecab)
    """mecab; for languages with spaces (not wordpiece and word): whitespace, or punctuation, which also stands
    by itself"""
    dictionary: str = setting("unidic-lite", external="dictionary")
    """unidic-lite, ipadic, unidic (by package), or the path of a compiled MeCab dictionary"""
    join_auxiliaries: bool = setting(False, omit_when=False)
    """mecab: auxiliaries and verb endings are one word with the verb or adjective before them (流して, not 流し|て)"""


@dataclass
class TokenizerSettings:
    """Base of the settings of kinds of tokenizers that are checked against those that all kinds have."""

    def check(self, family: TokenizerConfig) -> str:
        """Return what is wrong with the settings together; it follows the path of `tokenizer`, as in `validate`."""
        return ""


@TOKENIZERS.sections("kind")
@dataclass
class TokenizerConfig(WithMembers):
    """Units that text is cut into; each registered kind with settings adds a section of its own."""

    name: str = setting("tokenizer", label=True)
    """label of the artifact"""
    kind: str = setting("wordpiece", registry="tokenizers")
    """algorithm, see `jpt ls tokenizers`"""
    source: str = setting("", external=True, read_if="source")
    """for kind pretrained: `hf:org/name@revision` or a folder"""
    corpus: CorpusRole = setting(CorpusRole.corpus, label=True)
    """which corpus it is trained on"""
    vocab_size: int = setting(8000, low=8, read_if="vocab_size", counts=True)
    """number of units, special tokens included; views: number of words, to which characters are added"""
    min_frequency: int = setting(2, low=1, read_if="min_frequency", counts=True)
    """rarer units are left out (wordpiece, word, character, words of views)"""
    alphabet_coverage: float = setting(0.9995, low=0.5, high=1.0, read_if="alphabet_coverage", counts=True)
    """share of characters the alphabet must cover (wordpiece, unigram, bpe)"""
    segmenter: SegmenterConfig = setting(factory=SegmenterConfig)
    """what a word is: what is cut further (wordpiece, word, views), or what is masked together (the other kinds)"""
    nfkc: bool = True
    """apply NFKC to text before cutting it; offsets still refer to the original text"""
    lowercase: bool = False
    """lowercase text before cutting it (views: words, not their characters); offsets refer to the original text"""
    romanize: bool = setting(False, omit_when=False)
    """first write the text in Latin letters, by MeCab's readings, words apart; offsets refer to the original text"""
    max_sentences: int = setting(200_000, low=1, read_if="trained", counts=True)
    """sentences sampled (seeded) for training"""
    seed: int = setting(0, low=0, read_if="trained", counts=True)
    """seed of that sample"""

    def validate(self) -> str:
        """Return what is wrong with the segmenter or with romanisation, if anything."""
        cutter, kind = self.segmenter, TOKENIZERS.entries.get(self.kind)
        if not kind:
            return ""  # the name is refused by itself
        if kind.source and (self.romanize or cutter.join_auxiliaries):
            return (".romanize and .segmenter.join_auxiliaries are for tokenizers trained here, not for kind "
                    f"{self.kind}")
        if not kind.words and cutter.join_auxiliaries and not self.romanize:
            return f".segmenter.join_auxiliaries: kind {self.kind} knows no words, so there is nothing to join"
        if cutter.name is not Segmentation.mecab:
            if self.romanize or cutter.join_auxiliaries:
                return f".segmenter.name={cutter.name.value} {NO_READINGS}"
            if kind.words == "mecab":
                return (f".segmenter.name={cutter.name.value} is for kind views and for kinds that are not cut from "
                        f"words; kind {self.kind} cuts Japanese by MeCab")
        return self.own.check(self) if isinstance(self.own, TokenizerSettings) else ""


@dataclass
class EncodingConfig:
    """Token ids of a corpus, stored for random access. What is cut from them (lengths, masks, pairs) is training's."""

    max_sentence_tokens: int = setting(2000, low=1)
    """longer sentences are divided, where possible before a word; no token is lost"""
