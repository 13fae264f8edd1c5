import numpy as np
import pytest

from jptransfer.tasks.base import IGNORED, Feature, Limits
from jptransfer.tasks.ner import EntityExample, EntityRecognition
from jptransfer.tasks.spans import Span
from tests.tasks.fakes import PairTokenizer

TASK = EntityRecognition(["LOC", "PER"])
SENTENCE = EntityExample("1", "昨日、太郎は東京都へ行った。", (Span(3, 5, "PER"), Span(6, 9, "LOC")),
                         ((0, 2), (2, 3), (3, 5), (5, 6), (6, 9), (9, 10), (10, 12), (12, 13), (13, 14)))
LONG = EntityExample("2", " ".join(f"語{n:03d}" for n in range(40)),
                     tuple(Span(5 * n, 5 * n + 4, "LOC") for n in range(0, 40, 3)),
                     tuple((5 * n, 5 * n + 4) for n in range(40)))


def oracle(features):
    """Scores that say what the labels say."""
    for feature in features:
        scores = np.zeros((len(feature.input_ids), len(TASK.outputs)))
        for position, label in enumerate(feature.targets):
            scores[position, max(label, 0)] = 30
        yield scores


def test_a_sentence_by_hand():
    [feature] = TASK.encode([SENTENCE], PairTokenizer(), Limits(32))
    tokens = ["昨日", "、", "太郎", "は", "東京", "都", "へ", "行っ", "た", "。"]
    assert feature.input_ids == [2, *(10 + sum(map(ord, token)) for token in tokens), 3]
    names = [TASK.outputs[label] if label != IGNORED else "-" for label in feature.targets]
    assert names == ["-", "O", "O", "B-PER", "O", "B-LOC", "-", "O", "O", "O", "O", "-"]
    assert feature.positions == [1, 2, 3, 4, 5, 7, 8, 9, 10]
    assert feature.units == list(SENTENCE.tokens)


@pytest.mark.parametrize("max_length", [8, 11, 20, 128])
@pytest.mark.parametrize("tokens", [True, False])
def test_gold_comes_back_through_windows_of_any_length(max_length, tokens):
    examples = [SENTENCE, LONG, EntityExample("3", "", ()), EntityExample("4", "京都", (Span(0, 2, "LOC"),))]
    if not tokens:
        examples = [EntityExample(e.id, e.text, e.entities) for e in examples]
    features = TASK.encode(examples, PairTokenizer(), Limits(max_length))
    assert max(len(feature.input_ids) for feature in features) <= max_length
    report = TASK.encoding_counts(examples, features)
    assert report["misaligned"] == (0 if tokens else 2)  # raw: 、太 and は東 are pieces
    for prediction in TASK.decode(features, list(oracle(features)), examples):
        if tokens or prediction.id != "1":
            assert prediction.predicted == prediction.gold
            assert prediction.scores == pytest.approx([1] * len(prediction.gold))


def test_a_word_longer_than_the_window_is_counted_and_still_scored():
    example = EntityExample("1", "あ" * 30 + "い", (Span(0, 30, "PER"),), ((0, 30), (30, 31)))
    features = TASK.encode([example], PairTokenizer(), Limits(8))
    assert TASK.encoding_counts([example], features)["truncated"] == 1
    assert TASK.decode(features, list(oracle(features)), [example])[0].predicted == [(0, 30, "PER")]


def test_decoding_follows_conlleval_and_multiplies_probabilities():
    example = EntityExample("1", "ああいい", None, ((0, 1), (1, 2), (2, 3), (3, 4)))
    [feature] = TASK.encode([example], PairTokenizer(), Limits(16))
    assert set(feature.targets) == {IGNORED}
    probabilities = np.full((9, 5), 0.05)  # rows after the feature's tokens are padding
    for row, (tag, p) in enumerate([("I-LOC", .8), ("I-LOC", .5), ("I-PER", .6), ("O", .9)], 1):
        probabilities[row] = (1 - p) / 4
        probabilities[row, TASK.outputs.index(tag)] = p
    [prediction] = TASK.decode([feature], [np.log(probabilities)], [example])
    assert prediction.predicted == [(0, 2, "LOC"), (2, 3, "PER")]
    assert prediction.scores == pytest.approx([0.4, 0.6])
    assert prediction.gold is None


def test_renaming_and_dropping_types():
    renamed = TASK.relabel(SENTENCE, {"LOC": "場所", "PER": ""})
    assert renamed.entities == ((6, 9, "場所"),)
    assert TASK.statistics([SENTENCE, renamed]) == {
        "examples": 2, "labels": {"LOC": 1, "PER": 1, "場所": 1}, "mean_length": 14, "entities": 3, "tokens": 18}


def test_masked_spans_are_neither_learnt_nor_scored():
    task = EntityRecognition(["LOC"])
    example = EntityExample("1", "東京", (Span(0, 1, ""), Span(1, 2, "LOC")), ((0, 1), (1, 2)))
    assert task._targets(example, [(0, 1), (1, 2)]) == [IGNORED, 1]
    assert task.labels_of(example) == ["LOC"] and task.statistics([example])["entities"] == 1
    scores = np.array([[0, 9, 0], [0, 9, 0]])
    (found,) = task.decode([Feature(0, [5, 6], np.empty(0), [0, 1], [(0, 1), (1, 2)])], [scores], [example])
    assert found.gold == found.predicted == [Span(1, 2, "LOC")] and len(found.scores) == 1
