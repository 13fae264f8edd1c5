import multiprocessing
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from jptransfer.config import LmTrainingConfig, ObjectiveConfig, OptimizerConfig
from jptransfer.errors import ConfigError
from jptransfer.objectives.bilm import BidirectionalLanguageModel, BilmData, WordPlaces
from jptransfer.objectives.bilm_settings import BilmConfig
from jptransfer.objectives.softmax import linear_cross_entropy, sampled_cross_entropy
from jptransfer.text.encoded import EncodedSplit
from jptransfer.training.randomness import generator
from jptransfer.training.types import LoopSettings, LossTotals, evenly
from tests.models.spelt import TOKENIZER, VOCAB, WORDS, batch, language_model, random_words
from tests.training.tiny import Deadly, cpu, learn

pytestmark = pytest.mark.slow

CONFIG = LmTrainingConfig(max_length=8, batch_tokens=48, micro_batches=2, seed=3,
                          objective=ObjectiveConfig("bilm", bilm=BilmConfig(samples=6)))


def spelt_split(documents, seed=0) -> tuple[EncodedSplit, list[list[list[int]]]]:
    """A split of documents given as the numbers of words of their sentences, and the words of each sentence."""
    count = sum(map(sum, documents))
    words = random_words(count, seed, 5)
    starts = np.concatenate([np.arange(len(one)) == 0 for one in words]).astype(np.uint8)
    ends = np.cumsum([0, *map(len, words)])
    lengths = [length for document in documents for length in document]
    split = EncodedSplit(np.array(sum(words, []), np.uint16), starts, ends[np.cumsum([0, *lengths])],
                         np.cumsum([0, *map(len, documents)]), VOCAB, characters=2 * count)
    edges = np.cumsum([0, *lengths])
    return split, [words[start:end] for start, end in zip(edges[:-1], edges[1:], strict=True)]


def sizes(count, seed=0):
    random = np.random.default_rng(seed)
    return [random.integers(1, 25, random.integers(1, 8)).tolist() for _ in range(count)]


SPLIT, SENTENCES = spelt_split([*sizes(8), [], [1]])


@pytest.mark.parametrize("block", [1, 50, 1 << 24])
def test_words_are_found_again(monkeypatch, block):
    monkeypatch.setattr("jptransfer.objectives.bilm.BLOCK", block)
    places = WordPlaces(SPLIT)
    words = [word for sentence in SENTENCES for word in sentence]
    for first, last in ((0, 1), (0, len(words)), (17, 18), (30, 61), (len(words) - 1, len(words))):
        assert places.ids(first, last).tolist() == sum(words[first:last], [])


def test_streams_of_both_directions_are_the_framed_sentences_in_a_row():
    data = BilmData(SPLIT, TOKENIZER, CONFIG)
    assert data.streams == 6
    for epoch in (0, 1):
        order = generator(CONFIG.seed, epoch).permutation(len(SENTENCES))
        text = [word for number in order for word in ([2], *SENTENCES[number], [3])]
        for window, parts in enumerate(data.batches(epoch)):
            tensors = [data.collate(part, epoch) for part in parts]
            for part in tensors:
                rows = len(part["streams"])
                for row, stream in enumerate(part["streams"].tolist()):
                    begin = stream * data.stream_length + window * data.width
                    for ahead, words, target, never in (
                            (True, text, row, 2), (False, text[::-1], rows + row, 3)):
                        read = words[begin:begin + data.width + 1]
                        spelt, labels = read[:-1], [word[0] if word[0] != never else -100 for word in read[1:]]
                        in_order = slice(None, None, 1 if ahead else -1)
                        ids = sum(spelt[in_order], [])
                        assert part["input_ids"][target, :len(ids)].tolist() == ids
                        assert not part["input_ids"][target, len(ids):].any()
                        assert part["labels"][target].tolist() == labels[in_order]
    assert sum(float(part["characters"].sum()) for part in tensors) == 2 * sum(
        int((part["labels"] > 4).sum() + (part["labels"] == 1).sum()) for part in tensors)


def test_the_loss_is_that_of_the_whole_streams():
    model = language_model()
    objective = BidirectionalLanguageModel(replace(CONFIG, micro_batches=1), model)
    data = objective.data(SPLIT, TOKENIZER)
    windows = [data.collate(data.batches(0)[number][0], 0) for number in range(3)]
    with torch.no_grad():
        steps = [objective(model.eval(), window) for window in windows]
    expected = {"forward": 0.0, "backward": 0.0}
    for stream in range(data.streams):
        for name, row, head in (("forward", stream, "next_logits"), ("backward", data.streams + stream,
                                                                      "previous_logits")):
            order = windows if name == "forward" else windows[::-1]
            ids = [index for window in order for index in window["input_ids"][row].tolist() if index]
            labels = torch.cat([window["labels"][row] for window in order])
            logits = model(**batch(ids))[head][0]
            expected[name] += cross_entropy(logits, labels, reduction="sum").item()
    for name, value in expected.items():
        assert sum(float(step.sums[f"{name}_loss"]) for step in steps) == pytest.approx(value, rel=1e-4)
    assert sum(float(step.terms["lm"]) for step in steps) == pytest.approx(sum(expected.values()), rel=1e-4)


def test_a_restarted_stream_reads_its_window_as_a_text_of_its_own():
    model = language_model()
    config = replace(CONFIG, micro_batches=1, state_reset_prob=0.4)
    objective = BidirectionalLanguageModel(config, model)
    data = objective.data(SPLIT, TOKENIZER)
    windows = [data.collate(batch[0], 0) for batch in data.batches(0)]
    drawn = torch.stack([window["restart"] for window in windows])
    assert 0 < drawn.float().mean() < 1
    assert not torch.equal(drawn, torch.stack([data.collate(batch[0], 1)["restart"] for batch in data.batches(1)]))
    state = None
    for number, window in enumerate(windows[:5]):
        taken = objective.take(True, window)
        if number:
            for part, before in zip(taken, state, strict=True):
                assert not part[drawn[number]].any()
                assert torch.equal(part[~drawn[number]], before[~drawn[number]])
        assert objective.take(False, window) is None
        state = model.read_streams(window["input_ids"], taken).state
        objective.put(True, window, state)
    assert "restart" not in BilmData(SPLIT, TOKENIZER, CONFIG).collate(np.arange(2), 0)


def test_metrics_and_models_of_one_direction():
    objective = BidirectionalLanguageModel(CONFIG, language_model())
    found = objective.metrics(LossTotals(
        {"lm": 2.0}, {"correct": 5.0, "forward_loss": 10.0, "forward_words": 10.0, "backward_loss": 30.0,
                      "backward_words": 10.0, "characters": 80.0}, {"lm": 20.0}))
    assert found == {"loss": 2.0, "perplexity": pytest.approx(np.exp(2)), "forward_perplexity": pytest.approx(np.e),
                     "backward_perplexity": pytest.approx(np.exp(3)),
                     "character_perplexity": pytest.approx(np.exp(0.5)), "accuracy": 0.25}
    with pytest.raises(ConfigError, match="not Linear"):
        BidirectionalLanguageModel(CONFIG, torch.nn.Linear(1, 1))


# -- the sampled softmax -----------------------------------------------------------------------------------------------

def test_the_sample_estimates_the_normaliser_without_bias():
    torch.manual_seed(0)
    decoder, state, label = torch.nn.Linear(4, 60), torch.randn(1, 4), torch.tensor([17])
    with torch.no_grad():
        decoder.bias[:] = torch.randn(60)
        scores = decoder(state)[0].double()
        # The loss of a single label is log Z - score.
        losses = torch.stack([sampled_cross_entropy(state, decoder, label, 12) for _ in range(2000)]).double()
        estimates = (losses + scores[17]).exp()
        error = estimates.std() / len(estimates) ** 0.5
    assert abs(estimates.mean() - scores.exp().sum()) < 4 * error and error < 0.02 * estimates.mean()


def test_gradients_of_the_sample_are_those_of_the_whole_in_the_mean():
    torch.manual_seed(0)
    decoder, labels = torch.nn.Linear(4, 40), torch.tensor([3, 17, -100, 39])
    states = torch.randn(4, 4)

    def gradient(loss):
        decoder.zero_grad()
        loss.backward()
        return decoder.weight.grad.clone()

    exact = gradient(linear_cross_entropy(states, decoder, labels))
    mean = sum(gradient(sampled_cross_entropy(states, decoder, labels, 20)) for _ in range(400)) / 400
    assert (mean - exact).norm() / exact.norm() < 0.1
    for samples in (40, 1000):  # as many as there are: nothing is estimated
        torch.testing.assert_close(gradient(sampled_cross_entropy(states, decoder, labels, samples)), exact)


def test_frequent_words_are_drawn_more_often():
    torch.manual_seed(0)
    decoder = torch.nn.Linear(2, 100, bias=False)
    decoder.bias = torch.nn.Parameter(torch.zeros(100))
    counts = np.zeros(100)
    for _ in range(300):
        decoder.zero_grad()
        sampled_cross_entropy(torch.ones(1, 2), decoder, torch.tensor([50]), 10).backward()
        drawn = decoder.bias.grad.numpy() != 0
        assert drawn.sum() in (10, 11) and drawn[50]
        counts += drawn
    assert counts[0] > counts[5] > counts[40:50].mean() > counts[90:].mean() > 0


# -- in the loop -------------------------------------------------------------------------------------------------------

STEPS = 18
"""More than an epoch."""


class Dying(Deadly, BidirectionalLanguageModel):
    """The objective until its process is killed."""


def run(work, runtime=None, dropout=0.2, samples=6, last=10**9):
    model = language_model(dropout=dropout).train()
    objective = Dying(replace(CONFIG, objective=ObjectiveConfig("bilm", bilm=BilmConfig(samples))), model)
    objective.last = last
    data = objective.data(SPLIT, TOKENIZER)
    held_out = objective.data(spelt_split(sizes(3, 1), 1)[0], TOKENIZER)
    optimizer = OptimizerConfig("adagrad", weight_decay=0.0, clip=10.0)
    settings = LoopSettings(STEPS, 0.2, optimizer, record_every=1, evaluate_at=evenly(STEPS, 3), checkpoint_every=2)
    return learn(model, objective, data, held_out, settings, runtime, work)


def test_learns_the_same_in_pieces(tmp_path):
    smooth, history = run(tmp_path / "smooth", dropout=0.0, samples=0)
    cut, _ = run(tmp_path / "cut", cpu(micro_batch_tokens=10), dropout=0.0, samples=0)
    losses = [record["loss"] for record in history if record["split"] == "validation"]
    assert losses[-1] < losses[0]
    for name in smooth:
        np.testing.assert_allclose(cut[name], smooth[name], atol=1e-3)


def test_killed_and_restarted_is_never_stopped(tmp_path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["jptransfer.training.loop", "tests.objectives.test_bilm"])
    process = context.Process(target=run, args=(tmp_path / "killed", None, 0.2, 6, 2 * 15 + 1))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    weights, history = run(tmp_path / "killed")
    whole, records = run(tmp_path / "whole")
    assert history == records and all(np.array_equal(weights[name], whole[name]) for name in whole)


def test_words_alone_are_predicted():
    objective = BidirectionalLanguageModel(CONFIG, language_model())
    assert objective.data(SPLIT, TOKENIZER).collate(np.arange(3), 0)["labels"].max() < WORDS
