import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from jptransfer.artifacts import canonical
from jptransfer.config import Analyzer, FinetuningConfig
from jptransfer.errors import ConfigError, DataError
from jptransfer.learners.base import FitContext, Selection
from jptransfer.learners.tfidf import TfidfLearner
from jptransfer.learners.tfidf_settings import TfidfConfig
from jptransfer.tasks.base import make_task
from jptransfer.tasks.classification import TextExample
from jptransfer.text.segment import MecabSegmenter
from tests.small import polarity_examples

TASK = make_task("classification", ["bad", "good", "unseen"])
THREE = [TextExample(e.id, e.text, "unseen" if "駅" in e.text else e.label) for e in polarity_examples()]


def accuracy(predictions):
    return {"accuracy": float(np.mean([p.gold == p.predicted for p in predictions]))}


def job(out, train, validation, task=TASK, **settings):
    config = FinetuningConfig(tfidf=TfidfConfig(**settings))
    return FitContext(task, train, validation, config, 0, Selection("accuracy", True, accuracy), out, out / ".work")


@pytest.mark.parametrize("examples", [polarity_examples(), THREE], ids=["two classes of three", "three classes"])
def test_probabilities_are_scikit_learns(tmp_path, runtime, examples):
    learned = TfidfLearner.fit(job(tmp_path, examples, [], c=[2.0]), runtime)
    reference = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True),
                              LogisticRegression(C=2.0, max_iter=2000))
    reference.fit([e.text for e in examples], [e.label for e in examples])
    found = np.array([p.probabilities for p in learned.predictor.predict(examples)])
    columns = [TASK.labels.index(label) for label in reference.classes_]
    np.testing.assert_allclose(found[:, columns], reference.predict_proba([e.text for e in examples]), atol=1e-12)
    assert np.all(np.delete(found, columns, axis=1) == 0)


def test_loaded_equals_saved_bit_for_bit_and_nothing_is_pickled(tmp_path, runtime):
    learned = TfidfLearner.fit(job(tmp_path, THREE[::2], THREE[1::2]), runtime)
    settings = {"kind": TASK.kind, "labels": TASK.labels, **learned.settings}
    loaded = TfidfLearner.load(tmp_path, settings, runtime)
    assert loaded.predict(THREE, batch_size=5) == learned.predictor.predict(THREE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vocabulary.json", "weights.safetensors"]


def test_c_is_the_best_on_dev_and_the_smallest_of_equals(tmp_path, runtime):
    learned = TfidfLearner.fit(job(tmp_path, THREE[::2], THREE[1::2], c=[10.0, 1e-6, 20.0]), runtime)
    scores = {record["c"]: record["accuracy"] for record in learned.history}
    assert scores[1e-6] < scores[10.0]
    assert learned.values["c"] == min(c for c in scores if scores[c] == max(scores.values()))


def test_clear_errors(tmp_path, runtime):
    with pytest.raises(ConfigError, match="no validation split"):
        TfidfLearner.fit(job(tmp_path, THREE, []), runtime)
    with pytest.raises(DataError, match="no n-gram"):
        TfidfLearner.fit(job(tmp_path, THREE, [], c=[1.0], min_df=100), runtime)


@pytest.mark.parametrize("idf", [True, False], ids=["tfidf", "bag"])
@pytest.mark.parametrize("analyzer", Analyzer)
def test_features_of_words_and_bags_are_those_of_a_plain_analyzer(tmp_path, runtime, analyzer, idf):
    segmenter = MecabSegmenter()

    def by_hand(text):
        found = list(text) if analyzer is Analyzer.char else [text[start:end] for start, end in segmenter.spans(text)]
        glue = "" if analyzer is Analyzer.char else " "
        return [glue.join(found[start:start + n]) for n in (1, 2) for start in range(len(found) - n + 1)]

    dictionary = "unidic-lite" if analyzer is Analyzer.word else ""
    learned = TfidfLearner.fit(job(tmp_path, THREE, [], c=[2.0], analyzer=analyzer, dictionary=dictionary, ngram_max=2,
                                   max_features=30, idf=idf, sublinear=False), runtime)
    texts = [e.text for e in THREE]
    reference = TfidfVectorizer(analyzer=by_hand, max_features=30, use_idf=idf)
    expected = reference.fit_transform(texts).toarray()
    found = learned.predictor.vectorizer
    assert found.vocabulary_ == reference.vocabulary_
    np.testing.assert_allclose(found.transform(texts).toarray(), expected, atol=1e-12)
    loaded = TfidfLearner.load(tmp_path, {"kind": TASK.kind, "labels": TASK.labels, **learned.settings}, runtime)
    assert loaded.predict(THREE) == learned.predictor.predict(THREE)


def test_settings_that_do_not_go_together():
    assert "needs a dictionary" in TfidfConfig(analyzer=Analyzer.word).validate()
    assert "more than" in TfidfConfig(ngram_min=3, ngram_max=2).validate()
    assert TfidfConfig().validate() == ""


def test_the_identity_of_the_first_linear_model_is_what_it_was():
    assert set(canonical(TfidfConfig())) == {"ngram_min", "ngram_max", "min_df", "sublinear", "c", "class_weights",
                                             "metric_for_best_model"}
