"""Settings of the stages that turn official files into clean text, tokenizers and token ids."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting


class OnError(Enum):
    """What to do with input that cannot be read."""

    stop = "stop"
    skip = "skip"


class Quotes(Enum):
    """What quotes in a comma-separated file are."""

    auto = "auto"
    yes = "yes"
    no = "no"


@dataclass
class SourceConfig:
    """One place that running text comes from."""

    path: str = setting("", external=True)
    """file, folder, glob, or for format hf a data set as `name`, `name@revision` or a folder"""
    format: str = setting("text", registry="sources")
    """how the source is laid out, see `jpt ls sources`"""
    columns: list[str] = setting(factory=lambda: ["text"])
    """fields (jsonl, hf) or 0-based column numbers (tsv) that hold text; each is a sentence or a document of its own"""
    where: dict[str, str] = setting(factory=dict)
    """only rows whose column or field has this value (jsonl, tsv, hf)"""
    split: str = ""
    """split of a Hugging Face data set, empty: train; of the task, in `exclude` alone, empty: that of
    `task.roles.final`"""
    split_sentences: bool | None = None
    """cut lines into sentences after 。！？; null: as the format says (text and tsv: sentences, others: paragraphs)"""
    max_sentences: int = setting(10_000, low=1)
    """a longer document is cut after this many sentences; 1: every sentence is a document of its own"""
    skip_lines: int = setting(0, low=0, omit_when=0)
    """lines at the head of each file that are no text: an address, a date, a title (folder)"""
    encoding: str = "utf-8"
    """character encoding of the files"""
    quotes: Quotes = setting(Quotes.auto, omit_when=Quotes.auto)
    """csv: whether quotes are special (yes), plain characters (no), or special unless they swallow rows (auto)"""
    weight: float = setting(1.0, low=0.0)
    """share of the corpus budget (`max_bytes`) that this source gets, relative to the weights of the other sources"""
    max_bytes: int | None = setting(None, low=1)
    """budget of UTF-8 bytes; documents are sampled uniformly (seeded) to fit it"""


@dataclass
class CleaningConfig:
    """What is done to a sentence, and which sentences stay."""

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


class CharacterView(Enum):
    """Analyzer that a word is spelled in."""

    bytes = "bytes"
    bigrams = "bigrams"
    characters = "characters"


@dataclass
class ViewsConfig:
    """The characters beside every word."""

    characters: CharacterView = CharacterView.bytes
    """bytes of UTF-8 (ELMo); bigrams: pairs of neighbouring characters (Johnson et al. 2019); characters"""
    max_characters: int = setting(48, low=1)
    """units of a longer word are cut (ELMo: 50 with the marks of begin and end, which are the model's)"""
    min_frequency: int = setting(1, low=1)
    """rarer characters and bigrams are left out"""
    romanize: bool = setting(False, omit_when=False)
    """spell the words in Latin letters, by MeCab's readings, before they are cut; the words stay Japanese"""


@dataclass
class TokenizerConfig:
    """Analyzer that text is cut into."""

    name: str = setting("tokenizer", label=True)
    """label of the artifact"""
    kind: str = setting("wordpiece", registry="tokenizers")
    """algorithm, see `jpt ls tokenizers`"""
    source: str = setting("", external=True)
    """for kind pretrained: `hf:org/name@revision` or a folder"""
    corpus: CorpusRole = setting(CorpusRole.corpus, label=True)
    """which corpus it is trained on"""
    vocab_size: int = setting(8000, low=8)
    """number of units, special tokens included; views: number of words, to which characters are added"""
    min_frequency: int = setting(2, low=1)
    """rarer units are left out (wordpiece, word, character, words of views)"""
    alphabet_coverage: float = setting(0.9995, low=0.5, high=1.0)
    """share of characters the alphabet must cover (wordpiece, unigram, bpe)"""
    segmenter: SegmenterConfig = setting(factory=SegmenterConfig)
    """what a word is: what is cut further (wordpiece, word, views), or what is masked together (the other kinds)"""
    nfkc: bool = True
    """apply NFKC to text before cutting it; offsets still refer to the original text"""
    lowercase: bool = False
    """lowercase text before cutting it (views: words, not their characters); offsets refer to the original text"""
    romanize: bool = setting(False, omit_when=False)
    """first write the text in Latin letters, by MeCab's readings, words apart; offsets refer to the original text"""
    special_tokens: bool = setting(True, omit_when=True)
    """byte: false: 256 units without special tokens; line ends in a text become spaces, and a text is framed by bytes,
    a line end and a space before it and a space after it (Radford et al. 2017)"""
    max_sentences: int = setting(200_000, low=1)
    """sentences sampled (seeded) for training"""
    seed: int = setting(0, low=0)
    """seed of that sample"""
    views: ViewsConfig = setting(factory=ViewsConfig, chosen_by="kind")
    """settings of views"""

    def validate(self) -> str:
        """Return what is wrong with the segmenter or with romanisation, if anything."""
        cutter = self.segmenter
        if not self.special_tokens and self.kind != "byte":
            return f".special_tokens=false is for kind byte; kind {self.kind} needs its special tokens"
        wordless = self.kind in ("unigram", "bpe", "character", "byte")
        if wordless and cutter.join_auxiliaries and not self.romanize:
            return f".segmenter.join_auxiliaries: kind {self.kind} knows no words, so there is nothing to join"
        if self.kind == "pretrained" and (self.romanize or cutter.join_auxiliaries):
            return ".romanize and .segmenter.join_auxiliaries are for tokenizers trained here, not for kind pretrained"
        if cutter.name is Segmentation.mecab:
            return ""
        if self.romanize or self.views.romanize or cutter.join_auxiliaries:
            return f".segmenter.name={cutter.name.value} gives no readings; romanize and join_auxiliaries need mecab"
        if self.kind in ("wordpiece", "word"):
            return (f".segmenter.name={cutter.name.value} is for kind views and for kinds that are not cut from words; "
                    f"kind {self.kind} cuts Japanese by MeCab")
        return ""


@dataclass
class EncodingConfig:
    """Token ids of a corpus, stored for random access. What is cut from them (lengths, masks, pairs) is training's."""

    max_sentence_tokens: int = setting(2000, low=1)
    """longer sentences are divided, where possible before a word; no token is lost"""
