import multiprocessing
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from jptransfer.config import LmTrainingConfig, ModelConfig, ObjectiveConfig
from jptransfer.errors import ConfigError
from jptransfer.models.encoders.awd_lstm import configuration
from jptransfer.models.encoders.awd_lstm_settings import AwdLstmModelConfig, Cell, Direction
from jptransfer.models.pretrained import fresh_language_model
from jptransfer.objectives.causal import CausalData, CausalLanguageModel
from jptransfer.objectives.causal_settings import CausalConfig
from jptransfer.objectives.softmax import count_right, linear_cross_entropy
from jptransfer.objectives.streams import windows_of
from jptransfer.text.types import Frame, Template
from jptransfer.training.launch import launch
from jptransfer.training.randomness import generator
from jptransfer.training.types import LoopSettings, evenly
from tests.training.tiny import TOKENIZER, VOCAB, Deadly, cpu, learn, make_split, random_documents

pytestmark = pytest.mark.slow

SPLIT = make_split(random_documents(8))
CONFIG = LmTrainingConfig(max_length=8, batch_tokens=48, micro_batches=2, objective=ObjectiveConfig("causal"), seed=3)


def network(cell=Cell.lstm, direction=Direction.forward, dropout=0.2):
    size = AwdLstmModelConfig(
        layers=2, embedding=6, hidden=8, cell=cell, direction=direction, output_dropout=dropout, hidden_dropout=dropout,
        input_dropout=dropout, embedding_dropout=dropout, weight_dropout=dropout)
    torch.manual_seed(0)
    settings = configuration(ModelConfig("awd_lstm", awd_lstm=size), VOCAB, 0)
    return fresh_language_model(settings, ObjectiveConfig("causal"))


def framed(split, order) -> list[int]:
    documents = [split.ids[split.sentences[a]:split.sentences[b]].tolist()
                 for a, b in zip(split.documents[:-1], split.documents[1:], strict=True)]
    return [unit for number in order for unit in [2, *documents[number], 3]]


@pytest.mark.parametrize("backward", [False, True])
def test_streams_are_the_framed_documents_in_a_row(backward):
    data = CausalData(SPLIT, TOKENIZER, CONFIG, backward)
    assert data.streams == 6
    for epoch in (0, 1):
        seen = [[] for _ in range(data.streams)]
        labels = [[] for _ in range(data.streams)]
        for batch in data.batches(epoch):
            assert len(batch) == 2
            for part in batch:
                tensors = data.collate(part, epoch)
                for row, stream in enumerate(tensors["streams"].tolist()):
                    seen[stream] += tensors["input_ids"][row].tolist()
                    labels[stream] += tensors["labels"][row].tolist()
        text = [unit for row in seen for unit in row]
        lost = data.tokens - len(text)
        assert lost <= data.streams * data.config.max_length + data.streams
        never = 3 if backward else 2
        for row, targets in zip(seen, labels, strict=True):
            expected = [-100 if unit == never else unit for unit in row[1:]]
            assert targets[:-1] == expected
        # The first stream begins with whole documents, in an order of the epoch.
        order = generator(CONFIG.seed, epoch).permutation(SPLIT.n_documents)
        whole = framed(SPLIT, order)[::-1 if backward else 1]
        assert seen[0] == whole[:len(seen[0])]
        assert seen[1] == whole[data.stream_length:data.stream_length + len(seen[1])]


@pytest.mark.parametrize("backward", [False, True])
def test_shards_are_read_one_after_the_other_from_zero_states(backward):
    whole = CausalData(SPLIT, TOKENIZER, CONFIG, backward)
    config = replace(CONFIG, objective=ObjectiveConfig("causal", causal=CausalConfig(
        shard_tokens=whole.tokens // 3)), batch_tokens=24)
    data = CausalData(SPLIT, TOKENIZER, config, backward)
    order = generator(CONFIG.seed, 1).permutation(SPLIT.n_documents)
    text = framed(SPLIT, order)[::-1 if backward else 1]
    assert (data.shards, data.streams, data.shard_length) == (3, 3, (len(text) - 1) // 3)
    per_shard = data.windows // 3
    seen, starts = {}, []
    for number, batch in enumerate(data.batches(1)):
        for part in batch:
            tensors = data.collate(part, 1)
            starts.append((number, bool(tensors["start"].all()), bool(tensors["start"].any())))
            for row, stream in enumerate(tensors["streams"].tolist()):
                seen.setdefault((number // per_shard, stream), []).extend(tensors["input_ids"][row].tolist())
    assert all(every == some == (number % per_shard == 0) for number, every, some in starts)
    assert len(seen) == 9
    for (shard, stream), ids in seen.items():
        begin = shard * data.shard_length + stream * data.stream_length
        assert ids == text[begin:begin + len(ids)] and data.stream_length - len(ids) < data.width
    held_out = CausalData(SPLIT, TOKENIZER, config, backward, limit=1000)
    assert held_out.shards == 1


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(("before", "after"), [((), (3,)), ((2, 4), (3, 3)), ((2,), ()), ((), ())])
def test_documents_have_the_special_tokens_of_the_tokenizer(before, after, backward):
    template = Template(Frame((before, after), (before, after), (0,)), TOKENIZER.template.pair, 3)
    tokenizer = SimpleNamespace(**vars(TOKENIZER) | {"template": template})
    data = CausalData(SPLIT, tokenizer, replace(CONFIG, batch_tokens=8), backward)
    parts = [data.collate(part, 0) for batch in data.batches(0) for part in batch]
    seen = np.concatenate([part["input_ids"][0] for part in parts]).tolist()
    labels = np.concatenate([part["labels"][0] for part in parts]).tolist()
    order = generator(CONFIG.seed, 0).permutation(SPLIT.n_documents)
    documents = [SPLIT.ids[SPLIT.sentences[a]:SPLIT.sentences[b]].tolist()
                 for a, b in zip(SPLIT.documents[:-1], SPLIT.documents[1:], strict=True)]
    whole = [(unit, marks == "before" if not backward else marks == "after") for number in order
             for marks, group in (("before", before), ("", documents[number]), ("after", after)) for unit in group]
    whole = whole[::-1] if backward else whole
    assert seen == [unit for unit, _ in whole[:len(seen)]]
    assert labels == [-100 if never else unit for unit, never in whole[1:len(seen) + 1]]


def test_counts_of_words_and_characters():
    split = replace(SPLIT, characters=2 * SPLIT.n_tokens)
    data = CausalData(split, TOKENIZER, replace(CONFIG, batch_tokens=8, max_length=8), False)
    batches = [data.collate(part, 0) for batch in data.batches(0) for part in batch]
    text = sum(int((b["labels"] > 4).sum()) for b in batches)
    assert sum(float(b["characters"].sum()) for b in batches) == pytest.approx(2 * text)
    words = sum(int(b["words"].sum()) for b in batches)
    assert 0 <= int(SPLIT.word_starts.sum()) - words <= 2 + 8


@pytest.mark.parametrize(("length", "most"), [(1, 8), (7, 8), (8, 8), (9, 8), (1000, 70), (123_456, 70)])
def test_windows_of_one_width(length, most):
    count, width = windows_of(length, most)
    assert 0 < width <= most and length - count * width < min(most, max(length, 2))
    assert windows_of(0, 8) == (0, 0)


def test_the_loss_is_that_of_the_whole_stream_and_its_regularisation():
    model = network(dropout=0.0).train()
    config = replace(CONFIG, objective=ObjectiveConfig("causal", causal=CausalConfig(ar=2.0, tar=1.0)))
    objective = CausalLanguageModel(config, model)
    data = objective.data(SPLIT, TOKENIZER)
    windows = [[data.collate(part, 0) for part in batch] for batch in data.batches(0)]
    losses = [sum(float(objective(model, part).terms["lm"].detach()) for part in window) for window in windows[:3]]
    rows = torch.cat([torch.cat([part["input_ids"] for part in window]) for window in windows[:3]], 1)
    labels = torch.cat([torch.cat([part["labels"] for part in window]) for window in windows[:3]], 1)
    logits = model(rows).logits
    assert sum(losses) == pytest.approx(
        cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").item(), rel=1e-5)
    objective = CausalLanguageModel(config, model)
    step = objective(model, windows[0][0])
    states = model.encoder(windows[0][0]["input_ids"]).last_hidden_state.detach().numpy()
    units = objective.units(windows[0][0])
    assert step.terms["ar"].item() / units["ar"] == pytest.approx(2.0 * (states ** 2).mean(), rel=1e-5)
    steps = states[:, 1:] - states[:, :-1]
    assert step.terms["tar"].item() / units["tar"] == pytest.approx((steps ** 2).mean(), rel=1e-5)


def test_linear_cross_entropy_is_that_of_the_logits(monkeypatch):
    monkeypatch.setattr("jptransfer.objectives.softmax.CHUNK", 64)
    torch.manual_seed(0)
    decoder, labels = torch.nn.Linear(5, 20), torch.randint(0, 20, (17,))
    labels[[3, 9]] = -100
    results = []
    for loss in (lambda x: linear_cross_entropy(x, decoder, labels),
                 lambda x: cross_entropy(decoder(x), labels, reduction="sum")):
        decoder.zero_grad()
        states = torch.linspace(-1, 1, 85).view(17, 5).requires_grad_()
        value = loss(states)
        (value * 0.3).backward()
        results.append([value.detach(), states.grad, decoder.weight.grad.clone(), decoder.bias.grad.clone()])
    torch.testing.assert_close(*results)
    states = torch.linspace(-1, 1, 85).view(17, 5)
    assert count_right(states, decoder, labels) == (decoder(states).argmax(-1) == labels).sum()


def test_metrics_and_models_that_read_no_streams():
    objective = CausalLanguageModel(CONFIG, network())
    from jptransfer.training.types import LossTotals
    sums = {"correct": 5.0, "words": 10.0, "characters": 40.0}
    found = objective.metrics(LossTotals({"lm": 2.0}, sums, {"lm": 20.0}))
    assert found == {"loss": 2.0, "perplexity": pytest.approx(np.exp(2)), "word_perplexity": pytest.approx(np.exp(4)),
                     "character_perplexity": pytest.approx(np.exp(1)), "accuracy": 0.25}
    with pytest.raises(ConfigError, match="not Linear"):
        CausalLanguageModel(CONFIG, torch.nn.Linear(1, 1))


# -- in the loop -------------------------------------------------------------------------------------------------------

STEPS = 18
"""More than an epoch."""


class Dying(Deadly, CausalLanguageModel):
    """The objective until its process is killed."""


def run(work, runtime=None, dropout=0.2, cell=Cell.lstm, last=10**9):
    model = network(cell, dropout=dropout)
    objective = Dying(CONFIG, model)
    objective.last = last
    data, held_out = objective.data(SPLIT, TOKENIZER), objective.data(make_split(random_documents(3, 1), 1), TOKENIZER)
    settings = LoopSettings(STEPS, 0.02, record_every=1, evaluate_at=evenly(STEPS, 3), checkpoint_every=2)
    return learn(model, objective, data, held_out, settings, runtime, work)


def _curve(runtime, work):
    return run(work, runtime)


def test_learns_the_same_in_pieces_and_in_two_processes(tmp_path):
    weights, history = run(tmp_path / "one")
    losses = [record["loss"] for record in history if record["split"] == "train"]
    assert losses[-1] < losses[0]  # random text: little more than its frames can be learnt
    two, shared = launch(_curve, cpu(processes=2), tmp_path / "two")
    for left, right in zip(history, shared, strict=True):
        assert left["loss"] == pytest.approx(right["loss"], rel=1e-4)
    smooth, _ = run(tmp_path / "smooth", dropout=0.0)
    cut, _ = run(tmp_path / "cut", cpu(micro_batch_tokens=10), dropout=0.0)
    for name in weights:
        np.testing.assert_allclose(two[name], weights[name], atol=1e-3)
        np.testing.assert_allclose(cut[name], smooth[name], atol=1e-3)


@pytest.mark.parametrize(("cell", "updates"), [(Cell.lstm, 3), (Cell.lstm, 15), (Cell.qrnn, 9)])
def test_killed_and_restarted_is_never_stopped(tmp_path, cell, updates):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["jptransfer.training.loop", "tests.objectives.test_causal"])
    process = context.Process(target=run, args=(tmp_path / "killed", None, 0.2, cell, 2 * updates + 1))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    weights, history = run(tmp_path / "killed", cell=cell)
    whole, records = run(tmp_path / "whole", cell=cell)
    assert history == records and all(np.array_equal(weights[name], whole[name]) for name in whole)
