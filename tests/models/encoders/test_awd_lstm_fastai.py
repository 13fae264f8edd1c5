"""Our AWD-LSTM beside fastai's, with the same weights; runs where fastai is installed (the extra `fastai`).

What differs by design, and is taken into account here:
- fastai's two linear layers of the classifier have no bias, and its batch normalisation begins at 1e-3 rather than 0;
- fastai drops the pieces of a text that do not lie wholly in the last `max_len` positions of its batch, so that what is
  pooled depends on what else is in the batch; ours pools the last `max_length` tokens of each text. The two agree where
  the longest text and `max_len` are multiples of the window;
- one cycle: fastai's peak stands at update `rise * steps`, ours, as PyTorch's, at `rise * steps - 1`.
"""

from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy

pytest.importorskip("fastai", reason="fastai is not installed (the extra `fastai`, in an environment of its own)")

from fastai.callback.rnn import RNNRegularizer
from fastai.callback.schedule import SchedLin, combine_scheds, combined_cos

from benchmarks.fastai_peer import classifier_like, encoder_parameters, language_model_like, settings_of
from jptransfer.config import HeadConfig, LmTrainingConfig, ModelConfig, ObjectiveConfig, ScheduleConfig
from jptransfer.models.encoders.awd_lstm import configuration
from jptransfer.models.encoders.awd_lstm_settings import AwdLstmModelConfig
from jptransfer.models.heads.concat_pooling_settings import ConcatPoolingHeadConfig
from jptransfer.models.pretrained import fresh_language_model
from jptransfer.models.task_models import fresh_head
from jptransfer.models.windows import Windows
from jptransfer.objectives.causal import CausalLanguageModel
from jptransfer.tasks.classification import Classification
from jptransfer.training.schedules.one_cycle import OneCycleConfig, one_cycle
from jptransfer.training.schedules.slanted_triangular import SlantedTriangularConfig, slanted_triangular

VOCAB, PAD, BATCH, WINDOW = 40, 1, 4, 7
PLACES = ("output", "hidden", "input", "embedding", "weight")


def size(**rates):
    return ModelConfig("awd_lstm", awd_lstm=AwdLstmModelConfig(
        layers=3, embedding=6, hidden=9, **{f"{place}_dropout": rates.get(place, 0.0) for place in PLACES}))


def pair(**rates):
    """Both language models with the same weights and dropouts (none but those given)."""
    torch.manual_seed(0)
    ours = fresh_language_model(configuration(size(**rates), VOCAB, PAD), ObjectiveConfig("causal"))
    torch.nn.init.normal_(ours.decoder.bias)
    return ours, language_model_like(ours)


def stream(windows=2):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(2, VOCAB, (BATCH, windows * WINDOW + 1), generator=generator)


def windows_of(ids):
    for start in range(0, ids.shape[1] - 1, WINDOW):
        yield ids[:, start:start + WINDOW], ids[:, start + 1:start + WINDOW + 1]


def test_language_models_say_the_same_and_carry_the_same_state():
    ours, theirs = (model.eval() for model in pair())
    state = None
    theirs.reset()
    for ids, _ in windows_of(stream(3)):
        reading = ours.read_stream(ids, state)
        state = reading.state
        scores, raw, _ = theirs(ids)
        torch.testing.assert_close(reading.states, raw, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(ours.decoder(reading.dropped), scores, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("rates", [{}, {"weight": 0.5}, {"embedding": 0.3, "input": 0.4}, {"output": 0.4},
                                   {"weight": 0.5, "embedding": 0.3, "input": 0.4, "hidden": 0.3}],
                         ids=lambda rates: "-".join(rates) or "none")
def test_loss_with_ar_and_tar_and_its_gradients(rates):
    """Both draw the masks of dropout in one order, so that one seed gives the same ones."""
    ours, theirs = (model.train() for model in pair(**rates))
    config = LmTrainingConfig(max_length=WINDOW, batch_tokens=BATCH * WINDOW, objective=ObjectiveConfig("causal"))
    objective = CausalLanguageModel(config, ours)
    theirs.reset()
    for number, (ids, following) in enumerate(windows_of(stream())):
        ours.zero_grad(), theirs.zero_grad()
        batch = {"input_ids": ids, "labels": following, "streams": torch.arange(BATCH),
                 "start": torch.full((BATCH,), number == 0)}
        torch.manual_seed(5)
        terms, units = objective(ours, batch).terms, objective.units(batch)
        loss = sum(value / units[name] for name, value in terms.items())
        torch.manual_seed(5)
        expected = their_loss(theirs, ids, following, config.objective.causal)
        torch.testing.assert_close(loss, expected)
        loss.backward(), expected.backward()
        for mine, peer in zip([*encoder_parameters(ours.encoder), ours.decoder.bias],
                              [*encoder_parameters(theirs[0]), theirs[1].decoder.bias], strict=True):
            torch.testing.assert_close(mine.grad, peer.grad, atol=1e-6, rtol=1e-4)


def their_loss(theirs, ids, following, settings):
    scores, raw, dropped = theirs(ids)
    loss = cross_entropy(scores.flatten(0, 1), following.flatten())
    regularizer = RNNRegularizer(settings.ar, settings.tar)
    regularizer.learn = SimpleNamespace(
        training=True, loss_grad=loss, rnn=SimpleNamespace(raw_out=raw, out=dropped))
    regularizer.after_loss()
    return regularizer.learn.loss_grad


def test_defaults_are_fastais():
    from fastai.text.models.awdlstm import awd_lstm_clas_config, awd_lstm_lm_config

    config = configuration(ModelConfig("awd_lstm"), VOCAB, PAD)
    assert settings_of(config) | {"output_p": config.output_dropout} == {
        name: value for name, value in awd_lstm_lm_config.items() if name not in ("tie_weights", "out_bias")}
    assert awd_lstm_clas_config["weight_p"] == 0.5


def classifiers(windows):
    """Both classifiers with the same weights, the batch normalisation away from its start."""
    torch.manual_seed(0)
    head = HeadConfig("concat_pooling", 0.0, concat_pooling=ConcatPoolingHeadConfig(width=5, input_dropout=0.0))
    config = configuration(size(), VOCAB, PAD)
    ours = fresh_head(config, Classification.output, ["a", "b", "c"], head, seed=0, windows=windows)
    for part in (ours.head.hidden[0], ours.head.output[0]):
        for values in (part.weight, part.bias, part.running_mean, part.running_var):
            torch.nn.init.uniform_(values, 0.5, 1.5)
    return ours, classifier_like(ours, windows)


def texts(*lengths):
    generator = torch.Generator().manual_seed(2)
    return [torch.randint(2, VOCAB, (length,), generator=generator) for length in lengths]


def ours_of(rows):
    """Our batch: padding on the right."""
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
    return {"input_ids": ids, "attention_mask": (ids != PAD).long()}


def theirs_of(rows):
    """The same batch as fastai pads it: the longest first, whole windows of padding before a text, the rest behind."""
    from fastai.text.data import pad_chunk

    longest = max(len(row) for row in rows)
    return torch.stack([pad_chunk(row, pad_idx=PAD, seq_len=WINDOW, pad_len=longest) for row in rows])


@pytest.mark.parametrize("training", [False, True])
def test_classifiers_of_texts_within_a_window(training):
    ours, theirs = (model.train(training) for model in classifiers(Windows(WINDOW, WINDOW)))
    check_equal(ours, theirs, texts(WINDOW, 5, 3, 1))


def check_equal(ours, theirs, rows):
    mine, peer = ours(**ours_of(rows)).logits, theirs(theirs_of(rows))[0]
    torch.testing.assert_close(mine, peer, atol=1e-6, rtol=1e-4)
    mine.square().sum().backward(), peer.square().sum().backward()
    for one, other in zip(encoder_parameters(ours.encoder), encoder_parameters(theirs[0].module), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("training", [False, True])
def test_classifiers_of_long_texts(training):
    """Texts that end where the longest does, or lie wholly in the last two windows: fastai sees as much of them."""
    ours, theirs = (model.train(training) for model in classifiers(Windows(WINDOW, 2 * WINDOW)))
    rows = texts(4 * WINDOW, 3 * WINDOW, 10, 3)
    check_equal(ours, theirs, rows)


def test_one_cycle_is_fastais_curve():
    settings = OneCycleConfig(rise=0.3, div=25.0, final_div=1e5, momentum=[0.95, 0.85])
    steps = 50
    rate = combined_cos(settings.rise, 1 / 25, 1.0, 1e-5)
    momentum = combined_cos(settings.rise, 0.95, 0.85, 0.95)
    peak = settings.rise * steps - 1
    for step in range(steps):
        share = (step / peak) * settings.rise if step <= peak else \
            settings.rise + (step - peak) / (steps - 1 - peak) * (1 - settings.rise)
        found = one_cycle(step, steps, ScheduleConfig("one_cycle", one_cycle=settings))
        assert found.rate == pytest.approx(rate(share), abs=1e-6)
        assert found.momentum == pytest.approx(momentum(share), abs=1e-6)


def test_slanted_triangle_is_two_lines():
    curve = combine_scheds([0.25, 0.75], [SchedLin(1 / 32, 1.0), SchedLin(1.0, 1 / 32)])
    config = ScheduleConfig(
        "slanted_triangular", slanted_triangular=SlantedTriangularConfig(cut=0.25, ratio=32.0))
    for step in range(40):
        assert slanted_triangular(step, 40, config).rate == pytest.approx(curve(step / 40), abs=1e-6)
