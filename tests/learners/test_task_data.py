import numpy as np
import pytest
import torch

from jptransfer.learners.task_data import TaskData, collate
from jptransfer.tasks.base import IGNORED, Feature, Level
from jptransfer.training.batching import padding_share


def test_collated_by_hand():
    features = [Feature(0, [2, 7, 3], np.array([IGNORED, 4, IGNORED])),
                Feature(1, [2, 3], np.array([IGNORED, IGNORED]), segments=[0, 1])]
    tensors = collate(features, Level.token, pad=9, multiple=4)
    assert tensors["input_ids"].tolist() == [[2, 7, 3, 9], [2, 3, 9, 9]]
    assert tensors["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 0, 0]]
    assert tensors["labels"].tolist() == [[IGNORED, 4, IGNORED, IGNORED], [IGNORED] * 4]
    assert tensors["token_type_ids"].tolist() == [[0, 0, 0, 0], [0, 1, 0, 0]]


def test_one_label_a_sequence_is_a_vector():
    tensors = collate([Feature(0, [2, 3], np.array([1])), Feature(1, [2, 5, 3], np.array([0]))], Level.sequence, pad=0)
    assert torch.equal(tensors["labels"], torch.tensor([1, 0]))


def test_a_text_of_one_token_is_no_sequence_target():
    tensors = collate([Feature(0, [7], np.array([1]), positions=[0])], Level.token, pad=0, least=3)
    assert tensors["labels"].tolist() == [[1, IGNORED, IGNORED]] and tensors["units"].tolist() == [[1, 0, 0]]


@pytest.mark.parametrize("targets", [[0.5], [[0.5, -2.0]]])
def test_targets_keep_their_type_and_shape(targets):
    made = [Feature(i, [2, 3], np.array(targets, dtype=np.float32)) for i in range(2)]
    labels = collate(made, Level.sequence, pad=0)["labels"]
    assert labels.dtype == torch.float32 and labels[0].tolist() == targets[0]


def test_floats_are_padded_with_what_is_unknown():
    tokens = Feature(0, [2, 3], np.array([0.5, np.nan], dtype=np.float32)), Feature(1, [2], np.zeros(1, np.float32))
    labels = collate(list(tokens), Level.token, pad=0)["labels"]
    assert labels.isnan().tolist() == [[False, True], [False, True]]


def test_an_epoch_has_every_example_once_and_nearly_no_padding():
    lengths = np.random.default_rng(0).geometric(1 / 15, 4000).clip(3, 128)
    features = [Feature(i, [1] * int(n), np.zeros(1)) for i, n in enumerate(lengths)]
    data = TaskData(features, Level.sequence, batch_size=32, pad=0, seed=1)
    first, again, other = data.batches(0), data.batches(0), data.batches(1)
    assert sorted(int(i) for batch in first for part in batch for i in part) == list(range(4000))
    assert padding_share(lengths, first) < 0.05
    assert [b[0].tolist() for b in first] == [b[0].tolist() for b in again]
    assert [b[0].tolist() for b in first] != [b[0].tolist() for b in other]
