"""Settings and registry rows of learner and model `tfidf`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.config.finetuning import Analyzer, ClassWeights
from jptransfer.registry import LEARNERS, MODELS


@LEARNERS.register("tfidf", target="jptransfer.learners.tfidf:TfidfLearner", level="sequence",
                   losses=("cross_entropy", "mse"))
@dataclass
class TfidfConfig:
    """Linear model on counts or TF-IDF of n-grams of characters or words (scikit-learn)."""

    analyzer: Analyzer = setting(Analyzer.char, omit_when=Analyzer.char)
    """char: characters; word: words of MeCab with `dictionary`"""
    dictionary: str = setting("", external="dictionary")
    """analyzer word: unidic-lite, ipadic, unidic (by package), or the path of a compiled MeCab dictionary"""
    ngram_min: int = setting(1, low=1)
    """shortest n-gram (units)"""
    ngram_max: int = setting(4, low=1)
    """longest n-gram (units)"""
    min_df: int = setting(1, low=1)
    """n-grams in fewer texts are left out"""
    max_features: int | None = setting(None, low=1, omit_when=None)
    """only so many n-grams, the most frequent ones; null: all (all are counted, in memory, before they are chosen)"""
    idf: bool = setting(True, omit_when=True)
    """weigh n-grams by their rarity; otherwise a bag of counts; either way a text's vector has norm 1"""
    sublinear: bool = True
    """1 + log(tf) in place of tf"""
    c: list[float] = setting(factory=lambda: [0.3, 1.0, 3.0, 10.0, 30.0])
    """inverse strengths of L2 regularisation, chosen on the validation split"""
    class_weights: ClassWeights = ClassWeights.none
    """none, or balanced"""
    metric_for_best_model: str = setting("", registry="metrics")
    """validation metric that chooses C; empty: the task's own"""

    def validate(self) -> str:
        """Return what is wrong with units and n-grams, if anything."""
        if self.ngram_min > self.ngram_max:
            return f".ngram_min={self.ngram_min} is more than ngram_max={self.ngram_max}"
        if (self.analyzer is Analyzer.word) is not bool(self.dictionary):
            return ": units=word needs a dictionary (unidic-lite), and units=char none"
        return ""


MODELS.add("linear_tfidf", "jptransfer.learners.tfidf:TfidfLearner",
           "Linear model on n-grams of characters or words (scikit-learn)", learner="tfidf")
