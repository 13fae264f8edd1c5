"""Names to implementations, without importing them: every extension point of the project in one table.

A registry maps a name to ``"module:attribute"`` and a line of help. Looking a name up imports its module; listing
names imports nothing, so that `jpt ls`, `jpt --help`, plans and configuration checks stay fast.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jptransfer.errors import ConfigError, unknown


@dataclass(frozen=True)
class Entry:
    """One registered name: where it is implemented (``module:attribute``), a line of help.

    Attributes:
        needs: inputs a learner asks for besides the data set, or a source format instead of a path.
        learner: how a task model of this architecture is trained.
        objectives: language-modelling objectives that it can be trained with; none: it has no language model.
        head: classification head of an architecture of ours, where none is asked for; empty: the architecture is one of
            transformers, which has its own.
        tokenizers: kinds of tokenizer whose ids an architecture reads; none: any.
        groups: layer groups below the head that an architecture can have, see `transfer.groups`.
        level: what a task, a head or a learner answers for: `sequence`, a text; `token`, each unit; empty: either.
    """

    target: str
    help: str
    needs: tuple[str, ...] = ()
    learner: str = ""
    objectives: tuple[str, ...] = ()
    head: str = "pooled"
    tokenizers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ("embeddings", "layer.*")
    level: str = ""


@dataclass
class Registry:
    """A named table of entries; `noun` is what its members are called in messages."""

    noun: str
    entries: dict[str, Entry] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def add(self, name: str, target: str, help: str) -> None:
        """Register `target` (``module:attribute``) under `name`; a name can be taken only once."""
        if name in self.entries:
            raise ValueError(f"{self.noun} '{name}' is registered twice")
        self.entries[name] = Entry(target, help)

    def check(self, name: str, where: str = "") -> str:
        """Return `name` if it is registered, else raise `ConfigError` naming the nearest entry."""
        if name not in self.entries:
            raise ConfigError((f"{where}: " if where else "") + unknown(self.noun, name, self.entries))
        return name

    def load(self, name: str) -> Any:
        """Import and return the object registered under `name`."""
        module, _, attribute = self.entries[self.check(name)].target.partition(":")
        return getattr(importlib.import_module(module), attribute)


def _table(noun: str, rows: dict[str, tuple]) -> Registry:
    return Registry(noun, {name: _entry(*row) for name, row in rows.items()})


def _entry(target: str, help: str, *rest: Any) -> Entry:
    """Return an entry of the project's own; the last one of `rest` may be a dict of fields by name."""
    named = rest[-1] if rest and isinstance(rest[-1], dict) else {}
    return Entry(f"jptransfer.{target}", help, *rest[:len(rest) - bool(named)], **named)


STAGES = _table("stage", {
    "prepare_corpus": ("stages.prepare_corpus:run", "read, clean, de-duplicate and split running text"),
    "prepare_dataset": ("stages.prepare_dataset:run", "read a labelled data set from its official files"),
    "tokenize": ("stages.tokenize:run", "train a tokenizer, or fetch one"),
    "encode": ("stages.encode:run", "turn a corpus into memory-mapped token ids"),
    "pretrain": ("stages.pretrain:run", "train a language model"),
    "adapt": ("stages.pretrain:run", "go on training a language model on a domain"),
    "finetune": ("stages.finetune:run", "train a task model"),
    "evaluate": ("stages.evaluate:run", "score a task model on the splits asked for"),
    "report": ("stages.report:run", "tables, figures and one HTML page"),
})

SOURCES = _table("source format", {
    "text": ("corpora.readers:read_text", "one sentence a line, a blank line between documents"),
    "jsonl": ("corpora.readers:read_jsonl", "one JSON object a line"),
    "wikiextractor": ("corpora.readers:read_wikiextractor", "WikiExtractor output, <doc> elements or JSON"),
    "folder": ("corpora.readers:read_folder", "a folder of text files, one document a file"),
    "csv": ("corpora.readers:read_csv", "columns of a comma-separated file with quotes, each cell a document"),
    "tsv": ("corpora.readers:read_tsv", "columns of a tab-separated file, one sentence a cell"),
    "hf": ("corpora.readers:read_hf", "a Hugging Face data set, from the hub or from disk"),
    "task": ("corpora.readers:read_task", "the texts of the task's training split, without labels", ("dataset",)),
})

CLEANERS = _table("cleaning step", {
    "nfkc": ("text.normalize:nfkc", "Unicode NFKC"),
    "neologd": ("text.normalize:neologd", "the mecab-ipadic-NEologd rules: widths, hyphens, long vowels, spaces"),
    "whitespace": ("text.normalize:whitespace", "runs of white space become one space, ends are trimmed"),
    "control": ("text.normalize:control", "control and zero-width characters go"),
    "html": ("text.normalize:html", "tags go, character references are resolved"),
    "urls": ("text.normalize:urls", "URLs become [URL]"),
    "users": ("text.normalize:users", "@names become [USER]"),
    "digits": ("text.normalize:digits", "every digit becomes 0"),
    "lowercase": ("text.normalize:lowercase", "lower case"),
    "long_vowels": ("text.normalize:long_vowels", "repeated long-vowel marks become one"),
    "wave_dash": ("text.normalize:wave_dash", "variants of the wave dash become one"),
})

TOKENIZERS = _table("tokenizer", {
    "wordpiece": ("text.wordpiece:WordPieceTokenizer", "MeCab words, then WordPiece; a Japanese BERT tokenizer"),
    "unigram": ("text.sentencepiece:SentencePieceTokenizer", "SentencePiece unigram language model"),
    "bpe": ("text.sentencepiece:SentencePieceTokenizer", "SentencePiece byte-pair encoding"),
    "word": ("text.simple:WordTokenizer", "MeCab words, the most frequent ones"),
    "views": ("text.views:ViewsTokenizer", "words, and beside each its bytes, bigrams or characters"),
    "character": ("text.simple:CharacterTokenizer", "Unicode characters"),
    "byte": ("text.simple:ByteTokenizer", "UTF-8 bytes"),
    "pretrained": ("text.pretrained:PretrainedTokenizer", "any tokenizer of transformers, from the hub or a folder"),
})

MODELS = _table("model architecture", {
    "bert": ("models.encoders.bert:configuration", "BERT encoder of any size", (), "encoder", ("mlm",), "",
             {"groups": ("embeddings", "layer.*", "pooler")}),
    "awd_lstm": ("models.encoders.awd_lstm:configuration",
                 "AWD-LSTM or QRNN, the language model of ULMFiT and MultiFiT", (), "encoder", ("causal",),
                 "concat_pooling"),
    "elmo": ("models.encoders.elmo:configuration", "ELMo: bytes of words, then recurrent layers of both directions", (),
             "encoder", ("bilm",), "pooled", ("views",)),
    "embedding": ("models.encoders.embedding:configuration", "vectors of units, random or from a file", (), "encoder",
                  {"groups": ("embeddings",)}),
    "onehot": ("models.encoders.onehot:configuration", "a dimension a unit: bytes, or any small vocabulary", (),
               "encoder", {"groups": ()}),
    "glyph": ("models.encoders.glyph:configuration", "pictures of characters through spatial convolutions (GlyphNet)",
              (), "encoder", {"groups": ("layer.*",)}),
    "super_characters": ("models.encoders.super_characters:configuration",
                         "the text as one square picture of characters, through a ResNet (Sun et al.)", (), "encoder"),
    "rnn": ("models.encoders.recurrent:rnn", "vectors of units and a plain (Elman) recurrent net", (), "encoder"),
    "lstm": ("models.encoders.recurrent:lstm", "vectors of units and a recurrent net of LSTM cells", (), "encoder"),
    "bilstm_tagger": ("models.encoders.bilstm_tagger:configuration",
                      "BiLSTM tagger of words and their characters (Johnson et al. 2019)", (), "encoder", (), "token",
                      ("views",), {"groups": ("char", "word")}),
    "linear_tfidf": ("learners.tfidf:TfidfLearner", "linear model on n-grams of characters or words (scikit-learn)",
                     (), "tfidf"),
    "fasttext": ("learners.fasttext:FasttextLearner", "mean of vectors of words and hashed n-grams (Joulin et al.)",
                 (), "fasttext"),
})

OBJECTIVES = _table("objective", {
    "mlm": ("objectives.mlm:MaskedLanguageModel", "masked language model, with next-sentence prediction as an option"),
    "causal": ("objectives.causal:CausalLanguageModel", "the next unit, in parallel streams with a carried state"),
    "bilm": ("objectives.bilm:BidirectionalLanguageModel", "the next word and the previous one, in parallel streams"),
})

_TEXT, _UNIT = {"level": "sequence"}, {"level": "token"}

HEADS = _table("head", {
    "pooled": ("models.heads.pooled:PooledHead", "one linear layer on a pooled state of the top layer", _TEXT),
    "concat_pooling": ("models.heads.concat_pooling:ConcatPoolingHead",
                       "last, strongest and mean state, then two layers with batch normalisation (ULMFiT)", _TEXT),
    "kim_cnn": ("models.heads.kim_cnn:KimCnnHead", "convolutions and maxima over time (Kim 2014)", _TEXT),
    "self_attention": ("models.heads.self_attention:SelfAttentionHead",
                       "structured self-attention (Lin et al. 2017)", _TEXT),
    "rcnn": ("models.heads.rcnn:RcnnHead", "units between their contexts of a bidirectional net (Lai et al. 2015)",
             _TEXT),
    "temporal_cnn": ("models.heads.temporal_cnn:TemporalCnnHead",
                     "pairs of convolutions, pooling after each, two linear layers (Zhang and LeCun 2017)", _TEXT),
    "bcn": ("models.heads.bcn:BcnHead", "biattentive classification network (McCann et al. 2017)", _TEXT),
    "crf": ("models.heads.crf:CrfHead", "the token head's layer and a conditional random field over its tags",
            _UNIT),
    "token": ("models.heads.token:TokenHead", "one linear layer on every state of the top layer", _UNIT),
})

OPTIMIZERS = _table("optimizer", {
    "adamw": ("training.optimizers:adamw", "AdamW (decoupled weight decay, bias correction)"),
    "adam": ("training.optimizers:adam", "Adam (decay added to the gradient)"),
    "adadelta": ("training.optimizers:adadelta", "Adadelta; its own learning rate is 1"),
    "adagrad": ("training.optimizers:adagrad", "Adagrad, its sums beginning at `accumulator`"),
    "sgd": ("training.optimizers:sgd", "gradient descent, with momentum"),
    "bert_adam": ("training.optimizers:BertAdam", "BERT's own Adam: no bias correction, decoupled decay"),
})

SCHEDULES = _table("schedule", {
    "linear": ("training.schedules:linear", "warm-up, then linearly to zero"),
    "bert_linear": ("training.schedules:bert_linear", "warm-up, then BERT's own decay, counted over all updates"),
    "cosine": ("training.schedules:cosine", "warm-up, then half a cosine to zero"),
    "constant": ("training.schedules:constant", "warm-up, then constant"),
    "slanted_triangular": ("training.schedules:slanted_triangular", "a short rise, then a long linear decay (ULMFiT)"),
    "one_cycle": ("training.schedules:one_cycle", "up and down along cosines, momentum the other way (Smith)"),
    "halving": ("training.schedules:halving", "halved at equal distances (Zhang and LeCun 2017)"),
})

LEARNERS = _table("learner", {
    "encoder": ("learners.encoder:EncoderLearner", "a pre-trained or fresh encoder with a head, trained end to end",
                ("tokenizer", "language_model")),
    "tfidf": ("learners.tfidf:TfidfLearner", "linear model on n-grams of characters or words (scikit-learn)", _TEXT),
    "fasttext": ("learners.fasttext:FasttextLearner", "fastText's classifier: mean of vectors and a softmax", _TEXT),
})

TASKS = _table("task", {
    "classification": ("tasks.classification:Classification", "one label a text", _TEXT),
    "ner": ("tasks.ner:EntityRecognition", "typed spans of a text", _UNIT),
})

DATASETS = _table("data set", {
    "text_file": ("datasets.text_file:read", "labelled texts in TSV, CSV or JSON lines: your own, the toy's, JRTE's"),
    "label_text": ("datasets.label_text:read", "a label and a text on each line: SST, MR, SUBJ, TREC, fastText's"),
    "label_folders": ("datasets.label_folders:read", "a folder per label, with a text per file (pos/, neg/)"),
    "chabsa_polarity": ("datasets.chabsa:polarity", "chABSA: sentences of annual reports, or aspects, by polarity"),
    "chabsa_targets": ("datasets.chabsa:targets", "chABSA: targets of opinions as entities"),
    "conll_file": ("datasets.conll_file:read", "tagged tokens in columns: your own, the toy's, CRF++'s, WNUT's"),
    "livedoor": ("datasets.livedoor:read", "livedoor news topics (titles or bodies)"),
    "knbc_polarity": ("datasets.knbc:polarity", "KNB corpus, polarity of opinions"),
    "knbc_ner": ("datasets.knbc:entities", "KNB corpus, named entities (IREX types)"),
    "rakuten": ("datasets.rakuten:read", "Rakuten reviews of Zhang & LeCun (2017): label, title, comment"),
    "yahoo_movies": ("datasets.yahoo_movies:read", "Yahoo movie reviews with a rating, made binary and balanced"),
    "crf_knbc": ("datasets.crf_knbc:read", "CRF++'s sample and KNB corpus as one, named entities (IREX types)"),
    "knp": ("datasets.knp:read", "KNP files with named entities (KWDLC)"),
    "conllu_file": ("datasets.conllu_file:read", "CoNLL-U with named entities in MISC (UD Japanese GSD)"),
    "inline_xml": ("datasets.inline_xml:read", "texts with entities as inline elements (BCCWJ-NER)"),
    "span_json": ("datasets.span_json:read", "texts and spans in JSON or JSON lines: your own, stockmark's"),
    "long_tail": ("datasets.long_tail:read", "made utterances with a long tail of entity types; needs no files"),
})

METRICS = _table("metric", {
    "accuracy": ("evaluation.metrics:accuracy", "share of examples that are right"),
    "error_rate": ("evaluation.metrics:error_rate", "share of examples that are wrong"),
    "macro_f1": ("evaluation.metrics:macro_f1", "mean of the classes' F1"),
    "micro_f1": ("evaluation.metrics:micro_f1", "F1 over all decisions"),
    "kappa": ("evaluation.metrics:quadratic_kappa", "quadratic weighted kappa over ordered labels"),
    "entity_f1": ("evaluation.metrics:entity_f1", "F1 over entities as spans of characters, by conlleval's rule"),
    "entity_precision": ("evaluation.metrics:entity_precision", "precision over entities, see entity_f1"),
    "entity_recall": ("evaluation.metrics:entity_recall", "recall over entities, see entity_f1"),
    "unit_f1": ("evaluation.metrics:unit_f1", "conlleval's F1 over chunks of the tagged units; entities off their "
                                              "borders are widened to them"),
    "unit_precision": ("evaluation.metrics:unit_precision", "conlleval's precision over chunks of the tagged units"),
    "unit_recall": ("evaluation.metrics:unit_recall", "conlleval's recall over chunks of the tagged units"),
    "token_accuracy": ("evaluation.metrics:token_accuracy", "share of units with the right tag, as conlleval has it"),
})

CELLS = _table("kind of cell", {
    "evaluation": ("suites.cells:Evaluations", "score of a task model on the final split, over seeds"),
    "dataset": ("suites.cells:Counts", "what a data set holds: numbers of examples, of labels"),
})

LAYOUTS = _table("layout", {
    "absolute": ("suites.layouts:absolute", "a row's scores as they are, the paper's beside ours"),
    "differences": ("suites.layouts:differences", "a baseline's scores, all other rows as differences from it"),
    "gains": ("suites.layouts:gains", "a first column's scores, the others' with what they gain on it in per cent"),
})

FIGURES = _table("kind of figure", {
    "points": ("suites.figures:points", "a panel a column: ours with its interval, the paper's, a line a row"),
    "tag_frequency": ("suites.figures:tag_frequency", "how often each tag occurs, by rank: a curve a data set"),
    "learning_curve": ("suites.figures:learning_curve", "score over the number of training examples, a line a row"),
    "tag_arrows": ("suites.figures:tag_arrows", "an arrow a tag from the baseline's F1 to a row's, by frequency"),
})

ALL: dict[str, Registry] = {
    "stages": STAGES, "sources": SOURCES, "cleaners": CLEANERS, "tokenizers": TOKENIZERS, "models": MODELS,
    "objectives": OBJECTIVES, "heads": HEADS, "optimizers": OPTIMIZERS, "schedules": SCHEDULES, "learners": LEARNERS,
    "tasks": TASKS, "datasets": DATASETS, "metrics": METRICS,
    "cells": CELLS, "layouts": LAYOUTS, "figures": FIGURES,
}

VERSIONS: dict[str, dict[str, int]] = {
    "reader": {"conll_file": 3, "conllu_file": 2, "knp": 4, "span_json": 2},
    "architecture": {"rnn": 3, "lstm": 3, "embedding": 2, "onehot": 2, "glyph": 2, "bilstm_tagger": 2},
    "head": {"bcn": 3, "kim_cnn": 2, "temporal_cnn": 2},
}
"""Parts that have once made something else of the same inputs: kind -> name -> number, which goes up when one does. It
is in the identity of what is made with the part, while a stage's own version is in that of all that the stage makes."""
