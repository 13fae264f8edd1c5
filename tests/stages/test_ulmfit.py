"""ULMFiT's classifier as a stage: it learns by heart, reads whole texts, and unfreezes."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from jptransfer.config import Device, FinetuningConfig, HeadConfig, ModelConfig, RuntimeConfig, TruncationSide
from jptransfer.errors import ConfigError
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.learners.losses import CrossEntropy
from jptransfer.learners.prediction import load_predictor
from jptransfer.learners.scores import score
from jptransfer.learners.task_data import collate
from jptransfer.learners.task_loss import TaskLoss
from jptransfer.models.encoders.awd_lstm import configuration
from jptransfer.models.encoders.awd_lstm_settings import AwdLstmModelConfig, Cell, Direction
from jptransfer.models.encoders.bert_settings import BertModelConfig
from jptransfer.models.heads.concat_pooling_settings import ConcatPoolingHeadConfig
from jptransfer.models.task_models import fresh_head
from jptransfer.models.windows import Windows
from jptransfer.runtime import Runtime
from jptransfer.stages.finetune import FinetuneStage, run
from jptransfer.tasks.base import Level, Limits, make_task
from jptransfer.tasks.classification import TextExample
from jptransfer.text.tokenizers import load_tokenizer
from tests.small import THINGS, polarity_examples, tokenizer, write_dataset

pytestmark = pytest.mark.slow

LABELS = ["bad", "good"]
HEAD = HeadConfig("concat_pooling", 0.0, concat_pooling=ConcatPoolingHeadConfig(width=20, input_dropout=0.0))


@pytest.fixture
def runtime():
    return Runtime(RuntimeConfig(device=Device.cpu, threads=1))


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    return tokenizer(tmp_path_factory.mktemp("ulmfit") / "tokenizer")


def model(cell=Cell.lstm, direction=Direction.forward):
    rates = {f"{place}_dropout": 0.0 for place in ("output", "hidden", "input", "embedding", "weight")}
    return ModelConfig("awd_lstm", awd_lstm=AwdLstmModelConfig(
        layers=2, embedding=16, hidden=24, cell=cell, direction=direction, **rates))


def finetune(root, units, runtime, examples, size=None, **settings):
    """Train on `examples`, which are also the validation split."""
    splits = {"train": examples, "validation": examples}
    data = write_dataset(root / "data", make_task("classification", LABELS), splits)
    config = FinetuningConfig(encoder=EncoderFinetuningConfig(**{
        "epochs": 1, "batch_size": 8, "max_length": 32, "learning_rate": 2e-2, "head": HEAD,
        "truncation_side": TruncationSide.left,
        **settings}))
    stage = FinetuneStage(finetuning=replace(config, learner="encoder"), seed=0, model=size or model())
    (root / "out").mkdir()
    return run(stage, {"dataset": data, "tokenizer": units}, root / "out", runtime)


@pytest.mark.parametrize(("cell", "direction", "bptt"), [
    (Cell.lstm, Direction.forward, 6), (Cell.lstm, Direction.backward, None), (Cell.qrnn, Direction.forward, None),
    (Cell.qrnn, Direction.backward, 6)])
def test_learns_32_examples_by_heart(units, cell, direction, bptt):
    """Labels that follow no rule, so that every single text has to be known; each then scored by itself."""
    labels = np.random.default_rng(0).integers(0, 2, 32)
    texts = [first + second for first, second in itertools.product(THINGS, THINGS)]
    examples = [TextExample(text, text, LABELS[label]) for text, label in zip(texts[:32], labels, strict=True)]
    task, limits = make_task("classification", LABELS), Limits(64, TruncationSide.left)
    features = task.encode(examples, load_tokenizer(units), limits)
    encoder = configuration(model(cell, direction), load_tokenizer(units).vocab_size, 0)
    net = fresh_head(encoder, task.output, LABELS, HEAD, 0, windows=Windows(bptt, 64) if bptt else None)
    optimizer, loss = torch.optim.Adam(net.parameters(), 1e-2), TaskLoss(CrossEntropy(torch.ones(2)))
    for step in range(150):  # ever slower: the running averages of batch normalisation lag behind the weights
        optimizer.param_groups[0]["lr"] = 2e-2 * (1 - step / 150)
        optimizer.zero_grad()
        loss(net, collate(features, task.output.level, 0)).terms["label"].backward()
        optimizer.step()
    with torch.no_grad():
        rows = score(net.eval(), features, Level.sequence, 0, 1).rows
    assert [int(row.argmax()) for row in rows] == labels.tolist()


def test_a_text_of_100_000_characters_is_read_from_its_beginning(tmp_path, units, runtime):
    filler = "駅からの道" * 20_000
    long = [TextExample("l1", THINGS[0] + filler, "good"), TextExample("l2", THINGS[1] + filler, "bad")]
    summary = finetune(tmp_path, units, runtime, [*polarity_examples(), long[0]], bptt=500)
    assert summary.values["truncated"] == 0
    predictor = load_predictor(tmp_path / "out", runtime)
    reread = predictor.predict(long)
    assert [len(one.text) for one in reread] == [len(one.text) for one in long]
    alone = predictor.predict(long[:1])[0]
    assert alone.probabilities == pytest.approx(reread[0].probabilities, abs=1e-6)


def test_only_with_bptt_what_was_before_counts(tmp_path, units, runtime):
    texts = [TextExample(thing, thing + "お風呂" * 8, None) for thing in THINGS[:2]]
    for bptt, same in ((None, True), (8, False)):
        root = tmp_path / str(bptt)
        root.mkdir()
        finetune(root, units, runtime, polarity_examples(), bptt=bptt, max_length=16)
        one, other = load_predictor(root / "out", runtime).predict(texts)
        assert (one.probabilities == pytest.approx(other.probabilities, abs=1e-12)) is same


def test_bptt_keeps_what_is_read_last(tmp_path, units, runtime):
    assert EncoderFinetuningConfig(bptt=70).validate()
    with pytest.raises(ConfigError, match="carries no state"):
        finetune(tmp_path, units, runtime, polarity_examples(), ModelConfig(), bptt=8)


@pytest.mark.parametrize("bptt", [None, 4])
def test_states_are_regularised_in_training(tmp_path, units, runtime, bptt):
    """A huge weight of AR draws all states to zero, in windows and in one piece."""
    texts = {weight: polarity_examples() for weight in (0.0, 1e3)}
    sizes = {}
    for weight, examples in texts.items():
        root = tmp_path / str(weight)
        root.mkdir()
        finetune(root, units, runtime, examples, bptt=bptt, epochs=4, ar=weight, tar=weight)
        net = load_predictor(root / "out", runtime).model.eval()
        task, tokenizer = make_task("classification", LABELS), load_tokenizer(units)
        features = task.encode(examples[:8], tokenizer, Limits(32, TruncationSide.left))
        inputs = {name: value for name, value in collate(features, task.output.level, 0).items() if name != "labels"}
        with torch.no_grad():
            sizes[weight] = net.read(**inputs).last.square().mean().item()
    assert sizes[1e3] < 0.1 * sizes[0.0]


def test_only_awd_lstm_has_states_to_regularise(tmp_path, units, runtime):
    bert = ModelConfig(bert=BertModelConfig(layers=1, hidden=16, heads=2, intermediate=16, max_positions=64))
    with pytest.raises(ConfigError, match=r"^finetuning\.encoder\.tar: .*awd_lstm.*BertModel; leave ar and tar out"):
        finetune(tmp_path, units, runtime, polarity_examples(), size=bert, tar=1.0)
