from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from jptransfer.config import LmTrainingConfig, ModelConfig, ObjectiveConfig
from jptransfer.models.encoders.bert import configuration
from jptransfer.models.encoders.bert_settings import BertModelConfig
from jptransfer.models.pretrained import fresh_language_model
from jptransfer.objectives.mlm import MaskedData, MaskedLanguageModel
from jptransfer.objectives.mlm_settings import Masking, MlmConfig
from jptransfer.text.types import Frame, Template
from jptransfer.training.shapes import Shapes
from jptransfer.training.types import LossTotals
from tests.training.tiny import TOKENIZER, VOCAB, make_split, random_documents

SPLIT = make_split(random_documents(60))
MODEL = ModelConfig(bert=BertModelConfig(layers=2, hidden=16, heads=2, intermediate=32, max_positions=64))


def data(shapes=None, split=SPLIT, pack=True, limit=None, tokenizer=TOKENIZER, **objective) -> MaskedData:
    config = LmTrainingConfig(
        max_length=48, batch_tokens=256, micro_batches=2, pack=pack,
        objective=ObjectiveConfig(mlm=MlmConfig(**objective)))
    return MaskedData(split, tokenizer, config, limit, shapes)


def fresh(next_sentence=False):
    objective = ObjectiveConfig("mlm", mlm=MlmConfig(next_sentence=next_sentence))
    return fresh_language_model(configuration(MODEL, VOCAB, 0), objective).eval()


def rebuilt(batch) -> np.ndarray:
    """The ids before masking."""
    ids = batch["input_ids"].numpy().copy().reshape(-1)
    real = batch["labels"].numpy() >= 0
    ids[batch["positions"].numpy()[real]] = batch["labels"].numpy()[real]
    return ids.reshape(batch["input_ids"].shape)


def dense_labels(batch) -> torch.Tensor:
    labels = torch.full_like(batch["input_ids"], -100).flatten()
    real = batch["labels"] >= 0
    labels[batch["positions"][real]] = batch["labels"][real]
    return labels.view_as(batch["input_ids"])


def test_rows_are_the_text_framed_by_special_tokens():
    source = data()
    indices = np.array([3, 0, 8])
    batch = source.collate(indices, 0)
    for row, (start, end) in zip(rebuilt(batch), source.sequences(0).first[indices], strict=True):
        text = [2, *SPLIT.ids[start:end].tolist(), 3]
        assert row.tolist() == text + [0] * (len(row) - len(text))
    np.testing.assert_array_equal(batch["attention_mask"], rebuilt(batch) != 0)


def test_pairs_are_framed_and_numbered():
    source = data(next_sentence=True)
    indices = np.arange(6)
    sequences, batch = source.sequences(2).take(indices), source.collate(indices, 2)
    for row in range(6):
        first, second = (SPLIT.ids[slice(*s[row])].tolist() for s in (sequences.first, sequences.second))
        length = len(first) + len(second) + 3
        assert rebuilt(batch)[row, :length].tolist() == [2, *first, 3, *second, 3]
        expected = [0] * (len(first) + 2) + [1] * (len(second) + 1)
        assert batch["token_type_ids"][row, :length].tolist() == expected
    assert batch["next_sentence_label"].tolist() == sequences.random_next.tolist()


ROBERTA = Template(Frame(((2,), (3,)), ((0,), (0,)), (0,)),
                   Frame(((2,), (3, 3), (3,)), ((0,), (0, 0), (0,)), (0, 0)), 3)
T5 = Template(Frame(((), (3,)), ((), (0,)), (0,)), Frame(((), (3,), (3,)), ((), (0,), (0,)), (0, 0)), 3)
XLNET = Template(Frame(((), (3, 2)), ((), (0, 2)), (0,)), Frame(((), (3,), (3, 2)), ((), (0,), (1, 2)), (0, 1)), 3)
NONE = Template(Frame(((), ()), ((), ()), (0,)), Frame(((), (), ()), ((), (), ()), (0, 0)), 3)


@pytest.mark.parametrize("whole_word", [False, True])
@pytest.mark.parametrize("next_sentence", [False, True])
@pytest.mark.parametrize("template", [ROBERTA, T5, XLNET, NONE])
def test_rows_have_the_special_tokens_of_the_tokenizer(template, next_sentence, whole_word):
    tokenizer = SimpleNamespace(**vars(TOKENIZER) | {"template": template})
    source = data(tokenizer=tokenizer, next_sentence=next_sentence, whole_word=whole_word)
    indices = np.arange(8)
    sequences, batch = source.sequences(0).take(indices), source.collate(indices, 0)
    assert source.lengths(0).max() <= 48
    hidden = {divmod(place, batch["input_ids"].shape[1]) for place in batch["positions"].tolist()}
    for row, found in enumerate(rebuilt(batch).tolist()):
        segments = (sequences.first, sequences.second) if next_sentence else (sequences.first,)
        expected = template.join(*(SPLIT.ids[slice(*segment[row])].tolist() for segment in segments))
        length = len(expected.ids)
        assert found == expected.ids + [0] * (len(found) - length)
        assert sequences.lengths[row] == length
        assert not {(row, place) for place in (*expected.special, *range(length, len(found)))} & hidden
        types = batch["token_type_ids"][row, :length].tolist() if "token_type_ids" in batch else []
        assert types == expected.type_ids
        if whole_word:
            starts = source._starts(source._frame(sequences, len(found)))[row]
            first = [begin for begin, end in expected.places if end > begin]
            assert starts[first].all() and not starts[list(expected.special)].any()


@pytest.mark.parametrize("next_sentence", [False, True])
def test_an_example_has_its_masks_whatever_its_batch(next_sentence):
    source = data(next_sentence=next_sentence)
    alone, among = source.collate(np.array([5]), 1), source.collate(np.array([9, 5, 2]), 1)
    width = alone["input_ids"].shape[1]
    np.testing.assert_array_equal(alone["input_ids"][0], among["input_ids"][1, :width])
    np.testing.assert_array_equal(dense_labels(alone)[0], dense_labels(among)[1, :width])


def test_dynamic_masks_differ_between_epochs_static_ones_come_round():
    def masks(source, epoch):
        return source.collate(np.arange(20), epoch)["positions"].tolist()

    assert masks(data(), 0) != masks(data(), 1)
    static = data(masking=Masking.static, copies=3)
    assert masks(static, 0) != masks(static, 1)
    assert masks(static, 1) == masks(static, 4)


def test_shares_of_masks_over_a_corpus():
    split = make_split([[30] * 400])
    source = data(split=split, pack=False, whole_word=False)
    batch = source.collate(np.arange(400), 0)
    labels, seen = batch["labels"].numpy(), batch["input_ids"].flatten()[batch["positions"]].numpy()
    assert len(labels) / split.n_tokens == pytest.approx(4 / 30)  # 15% of 30, rounded to even
    assert (seen == 4).mean() == pytest.approx(0.8, abs=0.03)
    assert (seen == labels).mean() == pytest.approx(0.1 + 0.1 / VOCAB, abs=0.02)


def test_whole_words_are_masked_together():
    source = data(whole_word=True)
    indices = np.arange(30)
    chosen = (dense_labels(source.collate(indices, 0)) >= 0).numpy()
    partly = 0
    for row, (start, end) in zip(chosen, source.sequences(0).first[indices], strict=True):
        starts = SPLIT.word_starts[start:end].copy()
        starts[0] = 1
        words = np.cumsum(starts)
        hidden = row[1:1 + end - start]
        partly += sum(len(set(hidden[words == word])) > 1 for word in set(words))
    assert partly == 0


def test_a_limit_takes_the_same_subset_in_every_epoch():
    source = data(limit=7)
    assert len(source.lengths(0)) == 7
    assert source.sequences(0).first.tolist() == source.sequences(3).first.tolist()


@pytest.mark.parametrize("next_sentence", [False, True])
def test_loss_is_that_of_transformers_with_the_head_on_every_position(next_sentence):
    torch.manual_seed(0)
    model = fresh(next_sentence)
    source = data(next_sentence=next_sentence)
    batch = source.collate(np.arange(8), 0)
    objective = MaskedLanguageModel(source.config, model)
    with torch.no_grad():
        step, units = objective(model, batch), objective.units(batch)
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in batch}
        extra = {"next_sentence_label": batch["next_sentence_label"]} if next_sentence else {}
        reference = model(**inputs, labels=dense_labels(batch), **extra).loss
    assert sum(float(step.terms[name]) / units[name] for name in units) == pytest.approx(float(reference), abs=1e-5)


def test_static_shapes_change_nothing_but_the_shapes():
    torch.manual_seed(0)
    model = fresh(next_sentence=True)
    plain, fixed = data(next_sentence=True), data(Shapes(128), next_sentence=True)
    objective = MaskedLanguageModel(plain.config, model)
    shapes = set()
    for batch in plain.batches(0):
        for part in batch:
            tight, wide = plain.collate(part, 0), fixed.collate(part, 0)
            shapes.add(tuple(tuple(t.shape) for t in wide.values()))
            assert objective.units(tight) == objective.units(wide)
            with torch.no_grad():
                losses, padded = objective(model, tight), objective(model, wide)
            for name, value in losses.terms.items():
                assert float(padded.terms[name]) == pytest.approx(float(value), rel=1e-5)
                assert padded.sums[name] == losses.sums[name]
    assert len(shapes) <= 2 * 48 // 8


def test_metrics():
    totals = LossTotals({"mlm": 2.0, "nsp": 0.5}, {"mlm": 30.0, "nsp": 4.0}, {"mlm": 60.0, "nsp": 5.0})
    assert MaskedLanguageModel(LmTrainingConfig(), torch.nn.Module()).metrics(totals) == {
        "loss": 2.5, "mlm_loss": 2.0, "nsp_loss": 0.5, "perplexity": pytest.approx(np.exp(2)),
        "mlm_accuracy": 0.5, "nsp_accuracy": 0.8}


def test_gradients_are_those_of_the_full_head():
    torch.manual_seed(0)
    model = fresh()
    batch = data().collate(np.arange(8), 0)
    MaskedLanguageModel(LmTrainingConfig(), model)(model, batch).terms["mlm"].backward()
    sparse = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    cross_entropy(logits.view(-1, VOCAB), dense_labels(batch).view(-1), reduction="sum").backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(sparse[name], parameter.grad, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("most", [None, 5])
def test_of_pairs_as_many_tokens_are_predicted_as_berts_own_code_predicts(most):
    """create_pretraining_data.py: min(most, max(1, round(.15 * all tokens, [CLS] and both [SEP] among them)))."""
    source = data(next_sentence=True, whole_word=False, max_predictions=most)
    lengths = source.sequences(0).lengths
    for number in range(0, len(lengths), 7):
        found = len(source.collate(np.array([number]), 0)["labels"])
        asked = max(1, round(int(lengths[number]) * 0.15))
        assert found == min(asked, most or asked, int(lengths[number]) - 3)
    made = source.predictions(np.arange(len(lengths)), 0)
    assert made.asked == made.made
