import numpy as np
import pytest

from jptransfer.config import TruncationSide
from jptransfer.tasks.base import IGNORED, Limits
from jptransfer.tasks.classification import Classification, LabelPrediction, TextExample
from tests.tasks.fakes import PairTokenizer

TASK = Classification(["悪い", "良い"])


def test_features_hold_the_beginning_of_each_text():
    examples = [TextExample("1", "部屋が広い", "良い"), TextExample("2", "", "悪い"),
                TextExample("3", "狭い部屋\nでした。", None)]
    tokenizer = PairTokenizer()
    features = TASK.encode(examples, tokenizer, Limits(4))
    for feature, example in zip(features, examples, strict=True):
        assert feature.input_ids == [2, *tokenizer.encode(example.text).ids[:2], 3]
    assert [feature.targets.tolist() for feature in features] == [[1], [0], [IGNORED]]
    assert [feature.truncated for feature in features] == [1, 0, 2]
    assert TASK.encoding_counts(examples, features) == {"examples": 3, "truncated": 2}


def test_features_hold_the_end_of_each_text():
    example, tokenizer = TextExample("3", "狭い部屋でした。", None), PairTokenizer()
    for room in (1, 2, 50):
        [feature] = TASK.encode([example], tokenizer, Limits(room + 2, TruncationSide.left))
        assert feature.input_ids == [2, *tokenizer.encode(example.text).ids[-room:], 3]
    [feature] = TASK.encode([TextExample("0", "", None)], tokenizer, Limits(4, TruncationSide.left))
    assert feature.input_ids == [2, 3]


def test_decoding_is_softmax_and_argmax():
    examples = [TextExample("1", "良い", "良い"), TextExample("2", "悪い", None)]
    features = TASK.encode(examples, PairTokenizer(), Limits(8))
    first, second = TASK.decode(features, [np.array([0.0, np.log(3)]), np.array([1000.0, 0.0])], examples)
    assert (first.predicted, first.gold) == ("良い", "良い")
    assert first.probabilities == pytest.approx([0.25, 0.75])
    assert (second.predicted, second.gold, second.probabilities) == ("悪い", None, [1.0, 0.0])
    assert TASK.decode([], [], []) == []


def test_relabel():
    example = TextExample("1", "x", "良い")
    assert TASK.relabel(example, {"良い": "good"}).label == "good"
    assert TASK.relabel(example, {"良い": ""}) is None
    assert TASK.relabel(example, {"悪い": ""}) == example


def test_the_average_of_several_models_by_hand():
    task = Classification(["a", "b", "c"])
    one = [LabelPrediction("1", "x", "b", "a", [0.6, 0.4, 0.0]), LabelPrediction("2", "y", None, "c", [0.1, 0.2, 0.7])]
    two = [LabelPrediction("1", "x", "b", "b", [0.3, 0.7, 0.0]), LabelPrediction("2", "y", None, "a", [0.7, 0.2, 0.1])]
    first, second = task.average([one, two])
    assert (first.id, first.gold, first.predicted) == ("1", "b", "b")
    assert first.probabilities == pytest.approx([0.45, 0.55, 0.0])
    assert (second.gold, second.predicted) == (None, "a")  # the first of equals
    assert second.probabilities == pytest.approx([0.4, 0.2, 0.4])
