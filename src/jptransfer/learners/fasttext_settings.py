"""Settings and registry rows of learner and model `fasttext`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.config.finetuning import Analyzer
from jptransfer.registry import LEARNERS, MODELS


@LEARNERS.register("fasttext", target="jptransfer.learners.fasttext:FasttextLearner", level="sequence",
                   losses=("cross_entropy",))
@dataclass
class FasttextConfig:
    """fastText's classifier: mean of vectors of words and n-grams, and a softmax (Joulin et al. 2017)."""

    analyzer: Analyzer = Analyzer.word
    """word: words of MeCab; char: characters, so that n-grams are character n-grams"""
    dictionary: str = setting("unidic-lite", external="dictionary")
    """analyzer word: unidic-lite, ipadic, unidic (by package), or the path of a compiled MeCab dictionary"""
    dim: int = setting(10, low=1)
    """width of the vectors"""
    ngrams: list[int] = setting(factory=lambda: [1, 2, 5], low=1)
    """longest n-gram of units; of several the best on the validation split"""
    epochs: list[int] = setting(factory=lambda: [2, 5, 10], low=1)
    """passes over the training split; of several the best on the validation split"""
    subword_min: int = setting(0, low=0)
    """shortest character n-gram inside words (fastText's minn); 0: none"""
    subword_max: int = setting(0, low=0)
    """longest character n-gram inside words (fastText's maxn)"""
    buckets: int = setting(10_000_000, low=1)
    """hash values that n-grams share; only those seen in training take memory"""
    min_count: int = setting(1, low=1)
    """rarer words have no vector of their own"""
    learning_rate: float = setting(0.1, low=0.0)
    """rate of an example's update at the start; it falls linearly to zero"""
    batch_size: int = setting(16, low=1)
    """examples whose updates are made together (summed)"""
    metric_for_best_model: str = setting("", registry="metrics")
    """validation metric that chooses among n-grams and epochs; empty: the task's own"""

    def validate(self) -> str:
        """Return what is wrong with the lists or subwords, if anything."""
        if not self.ngrams or not self.epochs:
            return ": ngrams and epochs need one number or more each"
        if bool(self.subword_min) is not bool(self.subword_max) or self.subword_min > self.subword_max:
            return f": subword_min={self.subword_min}, subword_max={self.subword_max} are no range"
        return ""


MODELS.add("fasttext", "jptransfer.learners.fasttext:FasttextLearner",
           "Mean of vectors of words and hashed n-grams (Joulin et al. 2017)", learner="fasttext")
