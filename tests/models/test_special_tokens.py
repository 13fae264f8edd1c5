"""Word-vector models and the BCN read the text alone: AllenNLP removes sentence boundaries."""

import pytest
import torch

from jptransfer.config import HeadConfig
from jptransfer.models.encoder import SPECIAL, encode, text_first
from jptransfer.models.heads.bcn_settings import BcnHeadConfig
from jptransfer.models.task_models import task_output
from tests.models.vectors import PAIRS, alone, batch, task_model

BCN = HeadConfig("bcn", 0.1, bcn=BcnHeadConfig(hidden=4, maxout=[6], maxout_dropouts=[0.2], pool=2))
LENGTHS = [6, 3, 8]


def framed(inputs, begin=2, end=3):
    """The texts of a batch between two marks, and where those are."""
    rows = []
    for row in range(len(inputs["input_ids"])):
        ids = alone(inputs, row)["input_ids"][0].tolist()
        rows.append([begin, *ids, end])
    width = max(map(len, rows))
    padded = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    special = torch.zeros_like(mask)
    for place, row in zip(special, rows, strict=True):
        place[[0, len(row) - 1]] = 1
    return {"input_ids": padded, "attention_mask": mask, SPECIAL: special}


@pytest.mark.parametrize(("architecture", "head"), [pair for pair in PAIRS if pair[0] != "super_characters"])
def test_logits_are_those_of_the_text_alone(architecture, head):
    model = task_model(architecture, head).eval()
    inputs = batch(LENGTHS)
    with torch.no_grad():
        torch.testing.assert_close(task_output(model, framed(inputs)).logits, task_output(model, inputs).logits)


def test_the_bcn_does_not_read_the_marks_that_its_encoder_reads(monkeypatch):
    model = task_model("lstm", BCN).eval()
    monkeypatch.setattr(type(model.encoder), "reads_special", True)
    inputs = framed(batch(LENGTHS))
    with torch.no_grad():
        states = encode(model.encoder, inputs)
        assert int(states.special.sum()) == 2 * len(LENGTHS)
        before = task_output(model, inputs).logits
        text = states.without_special()
        assert text.mask.sum(1).tolist() == LENGTHS and text.special is None
        for row, length in enumerate(LENGTHS):
            torch.testing.assert_close(text.last[row, :length], states.last[row, 1:length + 1])
        torch.testing.assert_close(model.head(text).logits, before)


def test_states_know_where_their_tokens_stood():
    model, inputs = task_model("embedding", "kim_cnn"), framed(batch(LENGTHS))
    encoded = encode(model.encoder, inputs)
    flat = inputs["input_ids"].flatten()
    assert torch.equal(flat[encoded.places][encoded.mask], encoded.ids[encoded.mask])


def test_a_text_of_marks_alone_keeps_the_first():
    mask, special = torch.tensor([[True, True, False]]), torch.tensor([[True, True, False]])
    order, kept = text_first(mask, special)
    assert kept.tolist() == [[True, False, False]] and order[0, 0] == 0
