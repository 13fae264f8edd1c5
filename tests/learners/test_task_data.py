import numpy as np
import torch

from jptransfer.learners.task_data import TaskData, collate
from jptransfer.tasks.base import IGNORED, Feature
from jptransfer.training.batching import padding_share


def test_collated_by_hand():
    features = [Feature(0, [2, 7, 3], [IGNORED, 4, IGNORED]), Feature(1, [2, 3], [IGNORED, IGNORED], segments=[0, 1])]
    tensors = collate(features, pad=9, multiple=4)
    assert tensors["input_ids"].tolist() == [[2, 7, 3, 9], [2, 3, 9, 9]]
    assert tensors["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 0, 0]]
    assert tensors["labels"].tolist() == [[IGNORED, 4, IGNORED, IGNORED], [IGNORED] * 4]
    assert tensors["token_type_ids"].tolist() == [[0, 0, 0, 0], [0, 1, 0, 0]]


def test_one_label_a_sequence_is_a_vector():
    tensors = collate([Feature(0, [2, 3], [1]), Feature(1, [2, 5, 3], [0])], pad=0)
    assert torch.equal(tensors["labels"], torch.tensor([1, 0]))


def test_an_epoch_has_every_example_once_and_nearly_no_padding():
    lengths = np.random.default_rng(0).geometric(1 / 15, 4000).clip(3, 128)
    data = TaskData([Feature(i, [1] * int(n), [0]) for i, n in enumerate(lengths)], batch_size=32, pad=0, seed=1)
    first, again, other = data.batches(0), data.batches(0), data.batches(1)
    assert sorted(int(i) for batch in first for part in batch for i in part) == list(range(4000))
    assert padding_share(lengths, first) < 0.05
    assert [b[0].tolist() for b in first] == [b[0].tolist() for b in again]
    assert [b[0].tolist() for b in first] != [b[0].tolist() for b in other]
