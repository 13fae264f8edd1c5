import numpy as np
import pytest
import torch

from jptransfer.config import Analyzer, FinetuningConfig
from jptransfer.errors import ConfigError, DataError
from jptransfer.learners.base import FitContext, Selection
from jptransfer.learners.fasttext import FasttextLearner, FasttextModel
from jptransfer.learners.fasttext_settings import FasttextConfig
from jptransfer.tasks.base import make_task
from jptransfer.tasks.classification import TextExample
from jptransfer.text.hashing import Bags
from tests.small import polarity_examples

TASK = make_task("classification", ["bad", "good"])
EXAMPLES = polarity_examples()


def accuracy(predictions):
    return {"accuracy": float(np.mean([p.gold == p.predicted for p in predictions]))}


def job(out, train, validation, task=TASK, seed=0, **settings):
    config = FinetuningConfig(fasttext=FasttextConfig(**settings))
    return FitContext(task, train, validation, config, seed, Selection("accuracy", True, accuracy), out, out / ".work")


def test_an_update_is_a_step_of_gradient_descent_worked_by_hand():
    random = np.random.default_rng(0)
    vectors, output = random.normal(size=(4, 3)), random.normal(size=(2, 3))
    texts, targets, rate = [[0, 1, 1], [3]], [1, 0], 0.3
    expected_vectors, expected_output, loss = vectors.copy(), output.copy(), 0.0
    for rows, target in zip(texts, targets, strict=True):
        mean = vectors[rows].mean(axis=0)
        logits = output @ mean
        errors = np.exp(logits) / np.exp(logits).sum()
        loss -= np.log(errors[target])
        errors[target] -= 1
        expected_output -= rate * np.outer(errors, mean)
        for row in rows:
            expected_vectors[row] -= rate * errors @ output / len(rows)
    model = FasttextModel(np.arange(4, dtype=np.uint64), torch.tensor(vectors, dtype=torch.float32),
                          torch.tensor(output, dtype=torch.float32))
    found = model.update(torch.tensor([0, 1, 1, 3]), torch.tensor([3, 1]), torch.tensor(targets), rate)
    assert found == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(model.vectors, expected_vectors, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.output, expected_output, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("analyzer", Analyzer)
def test_overfits_and_generalises(tmp_path, runtime, analyzer):
    dictionary = "unidic-lite" if analyzer is Analyzer.word else ""
    learned = FasttextLearner.fit(job(tmp_path, EXAMPLES[::2], EXAMPLES[1::2], analyzer=analyzer, dictionary=dictionary,
                                      epochs=[60], learning_rate=0.5), runtime)
    assert accuracy(learned.predictor.predict(EXAMPLES)) == {"accuracy": 1.0}


def test_loaded_equals_saved_whatever_the_batch_and_nothing_is_pickled(tmp_path, runtime):
    learned = FasttextLearner.fit(job(tmp_path, EXAMPLES[::2], EXAMPLES[1::2], epochs=[3], subword_min=2,
                                      subword_max=3), runtime)
    loaded = FasttextLearner.load(tmp_path, {"kind": TASK.kind, "labels": TASK.labels, **learned.settings}, runtime)
    odd = [TextExample(str(n), text, None) for n, text in enumerate(["", "🦄", "部", "部屋が" * 20_000])]
    for one, two in zip(loaded.predict([*EXAMPLES, *odd], 5), learned.predictor.predict([*EXAMPLES, *odd]),
                        strict=True):
        assert one.probabilities == pytest.approx(two.probabilities, abs=1e-6)
    assert [p.probabilities for p in loaded.predict(odd[:2])] == [[0.5, 0.5]] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["weights.safetensors"]


def test_the_same_seed_gives_the_same_bytes(tmp_path, runtime):
    made = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        (tmp_path / name).mkdir()
        FasttextLearner.fit(job(tmp_path / name, EXAMPLES, [], seed=seed, ngrams=[2], epochs=[2]), runtime)
        made.append((tmp_path / name / "weights.safetensors").read_bytes())
    assert made[0] == made[1] != made[2]


def test_n_and_epochs_are_the_best_on_validation_and_the_smallest_of_equals(tmp_path, runtime):
    learned = FasttextLearner.fit(job(tmp_path, EXAMPLES[::2], EXAMPLES[1::2], ngrams=[2, 1], epochs=[40, 1, 30],
                                      learning_rate=0.5), runtime)
    tried = [((r["ngrams"], r["epochs"]), r["accuracy"]) for r in learned.history]
    best = max(score for _, score in tried)
    assert len(tried) == 6 and min(score for _, score in tried) < best
    assert (learned.values["ngrams"], learned.values["epochs"]) == min(key for key, score in tried if score == best)


def test_features_without_a_vector_leave_the_mean():
    model = FasttextModel(np.array([3, 9], np.uint64), torch.zeros(2, 1), torch.zeros(2, 1))
    rows = model.rows(Bags(np.array([9, 4, 3, 11], np.uint64), np.array([2, 2])))
    assert rows.keys.tolist() == [1, 0] and rows.lengths.tolist() == [1, 1]


def test_clear_errors(tmp_path, runtime):
    with pytest.raises(ConfigError, match="no validation split"):
        FasttextLearner.fit(job(tmp_path, EXAMPLES, []), runtime)
    with pytest.raises(DataError, match="no word"):
        FasttextLearner.fit(job(tmp_path, EXAMPLES, [], ngrams=[1], epochs=[1], min_count=999), runtime)
    with pytest.raises(ConfigError, match="diverged"):
        FasttextLearner.fit(job(tmp_path, EXAMPLES, [], ngrams=[1], epochs=[9], learning_rate=1e30), runtime)
