"""What every registered head and encoder has to do, over the examples of `tests.models.examples`."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModel

from jptransfer.models.encoder import SPECIAL, UNITS, encode
from jptransfer.models.pretrained import load_weights, save_language_model
from jptransfer.models.task_models import fresh_head, load_task_model, save_task_model, task_output
from jptransfer.models.windows import WindowReader
from jptransfer.registry import HEADS, MODELS
from jptransfer.tasks.base import load_kind
from jptransfer.tasks.ner import EntityRecognition
from jptransfer.transfer.groups import layer_groups
from tests.models import examples
from tests.models.vectors import alone, check_groups

ENCODERS = [name for name, entry in MODELS.entries.items() if entry.learner == "encoder"]
every_encoder = pytest.mark.parametrize("name", ENCODERS)
every_head = pytest.mark.parametrize("name", list(HEADS))
CLASSES = ["a", "b", "c"]


def test_every_encoder_and_head_has_an_example() -> None:
    for noun, registered, known in (("ENCODERS", ENCODERS, examples.ENCODERS), ("HEADS", HEADS, examples.HEADS)):
        missing = set(registered) - known.keys()
        assert not missing, f"{sorted(missing)}: add a small example to {noun} of tests/models/examples.py"
        assert known.keys() <= set(registered)


def headed(name: str) -> tuple[nn.Module, list[str], dict[str, Tensor]]:
    """Return a model with the head, the names of its outputs and a batch; where units begin goes to token heads."""
    torch.manual_seed(0)
    inputs = examples.batch("lstm")
    tokens = HEADS.entries[name].level == "token"
    kind, names = ("ner", EntityRecognition(["LOC", "PER"]).outputs) if tokens else ("classification", CLASSES)
    if tokens:
        inputs[UNITS] = inputs["attention_mask"].clone()
    model = fresh_head(examples.ENCODERS["lstm"](), load_kind(kind).output, names, examples.HEADS[name], 0)
    return model.eval(), names, inputs


def scores(model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        return task_output(model, inputs).logits


@every_head
def test_logits_have_a_row_for_each_text_or_token(name: str) -> None:
    model, names, inputs = headed(name)
    tokens = HEADS.entries[name].level == "token"
    assert scores(model, inputs).shape == (*(inputs["input_ids"].shape if tokens else (3,)), len(names))
    assert scores(model, inputs).isfinite().all()


@every_head
def test_gradients_reach_every_parameter(name: str) -> None:
    model, _, inputs = headed(name)
    output = task_output(model, inputs)
    weights = torch.randn(output.logits.shape, generator=torch.Generator().manual_seed(1))
    loss = (output.logits * weights).sum()
    if output.penalty is not None:
        loss = loss + output.penalty.sum()
    if output.chain is not None:
        loss = loss - output.chain.log_likelihood(torch.zeros_like(output.chain.mask, dtype=torch.long)).sum()
    loss.backward()
    missed = [key for key, value in model.named_parameters() if value.grad is None or not value.grad.isfinite().all()]
    assert missed == []
    unmoved = [key for key, value in model.named_parameters() if not value.grad.any()]
    assert unmoved == []


@every_head
def test_padding_and_the_rest_of_the_batch_do_not_change_scores(name: str) -> None:
    model, _, inputs = headed(name)
    together, wider = scores(model, inputs), scores(model, examples.padded(inputs, 6))
    for row, length in enumerate(examples.LENGTHS):
        single = scores(model, alone(inputs, row))[0]
        where = slice(length) if HEADS.entries[name].level == "token" else slice(None)
        for other in (together[row], wider[row]):
            torch.testing.assert_close(other[where], single[where], atol=1e-5, rtol=1e-5)


@every_head
def test_a_saved_and_loaded_head_gives_the_same_bits(name: str, tmp_path) -> None:
    model, _, inputs = headed(name)
    save_task_model(model, tmp_path / "model")
    kind = "ner" if HEADS.entries[name].level == "token" else "classification"
    again = load_task_model(tmp_path / "model", load_kind(kind).output, examples.HEADS[name]).eval()
    assert torch.equal(scores(again, inputs), scores(model, inputs))


def states(model: nn.Module, inputs: dict[str, Tensor]) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return the states of all layers and their mask, of inputs without what is for heads."""
    with torch.no_grad():
        found = encode(model, {key: value for key, value in inputs.items() if key not in (UNITS, SPECIAL)})
    return found.states, found.mask


@every_encoder
def test_states_and_mask_have_one_place_for_each_unit(name: str) -> None:
    model, inputs = examples.encoder_model(name), examples.batch(name)
    layers, mask = states(model, inputs)
    assert mask.dtype == torch.bool and mask.shape[0] == 3 and mask.any(1).all()
    assert mask.shape[1] <= inputs["input_ids"].shape[1] or name == "super_characters"  # a grid of its own
    for layer in layers:
        assert layer.shape[:2] == mask.shape and layer.dtype == torch.float32 and layer.isfinite().all()
    assert layers[-1].shape[2] == model.config.hidden_size


@every_encoder
def test_padding_and_the_rest_of_the_batch_do_not_change_states(name: str) -> None:
    model, inputs = examples.encoder_model(name), examples.batch(name)
    batches = [states(model, inputs), states(model, examples.padded(inputs, 6))]
    for row in range(3):
        layers, mask = states(model, alone(inputs, row))
        for others, places in batches:
            for one, other in zip(layers, others, strict=True):
                torch.testing.assert_close(other[row][places[row]], one[0][mask[0]], atol=1e-5, rtol=1e-5)


@every_encoder
def test_layer_groups_cover_all_parameters_and_are_those_of_the_row(name: str) -> None:
    model = examples.encoder_model(name)
    grouped = [id(one) for group in layer_groups(model).values() for one in group.values()]
    assert sorted(grouped) == sorted(id(one) for one in model.parameters())
    check_groups(name, model)


@every_encoder
def test_a_saved_and_loaded_encoder_gives_the_same_bits(name: str, tmp_path) -> None:
    model, inputs = examples.encoder_model(name), examples.batch(name)
    save_language_model(model, tmp_path / "model")
    again = load_weights(AutoModel, tmp_path / "model").eval()
    for one, other in zip(states(model, inputs)[0], states(again, inputs)[0], strict=True):
        assert torch.equal(one, other)


@every_encoder
def test_the_row_says_whether_the_encoder_reads_in_windows_and_has_cells(name: str) -> None:
    model = examples.encoder_model(name)
    assert MODELS.entries[name].windows == isinstance(model, WindowReader)
    assert MODELS.entries[name].cells == hasattr(model.config, "states")
