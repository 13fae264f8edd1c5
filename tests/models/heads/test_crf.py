import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig

from jptransfer.config import HeadConfig
from jptransfer.learners.losses import CrossEntropy
from jptransfer.learners.scores import score
from jptransfer.learners.task_data import collate
from jptransfer.learners.task_loss import TaskLoss
from jptransfer.models.heads.crf_settings import CrfHeadConfig
from jptransfer.models.layers.linear_chain import FORBIDDEN, TagChain
from jptransfer.models.task_models import fresh_head, load_task_model, save_task_model, task_output
from jptransfer.tasks.base import IGNORED, Level, Limits
from jptransfer.tasks.ner import EntityExample, EntityRecognition
from jptransfer.tasks.spans import Span, may_follow, tag_names
from tests.models.tagger import LABELS, TEXTS, features, inputs, tagger, words_tokenizer

TAGS = 3


def chain(lengths, seed, scale=2.0, tags=TAGS, dtype=torch.float64):
    random = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return scale * torch.randn(*shape, generator=random, dtype=dtype)

    mask = torch.arange(max(1, *lengths)) < torch.tensor(lengths)[:, None]
    return TagChain(draw(*mask.shape, tags), mask, draw(tags, tags), draw(tags), draw(tags))


def enumerated(one, row):
    """Every sequence of tags of a text with its score, by the formula."""
    length = int(one.mask[row].sum())
    found = {}
    for tags in itertools.product(range(one.emissions.shape[-1]), repeat=length):
        total = float(one.starts[tags[0]] + one.ends[tags[-1]]) if tags else 0.0
        total += sum(float(one.emissions[row, t, tag]) for t, tag in enumerate(tags))
        found[tags] = total + sum(float(one.transitions[a, b]) for a, b in itertools.pairwise(tags))
    return found


@settings(max_examples=25)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(0, 1000))
def test_against_all_sequences(lengths, seed):
    one = chain(lengths, seed)
    partition, best, marginals = one.log_partition(), one.best(), one.log_marginals().exp()
    labels = torch.full(one.mask.shape, IGNORED)
    for row, length in enumerate(lengths):
        scores = enumerated(one, row)
        total = np.logaddexp.reduce(list(scores.values()))
        assert float(partition[row]) == pytest.approx(total)
        winner = max(scores, key=scores.get)
        assert best[row].tolist() == [*winner, *([0] * (best.shape[1] - length))]
        for t, tag in itertools.product(range(length), range(TAGS)):
            expected = sum(np.exp(value - total) for tags, value in scores.items() if tags[t] == tag)
            assert float(marginals[row, t, tag]) == pytest.approx(expected, abs=1e-9)
        gold = sorted(scores)[seed % len(scores)]
        labels[row, :length] = torch.tensor(gold)
        partly = [tag if (t + seed) % 2 else IGNORED for t, tag in enumerate(gold)]
        some = np.logaddexp.reduce([value for tags, value in scores.items()
                                    if all(p in (IGNORED, t) for p, t in zip(partly, tags, strict=True))])
        full = one.log_likelihood(labels)[row]
        assert float(full) == pytest.approx(scores[gold] - total)
        labels[row, :length] = torch.tensor(partly, dtype=torch.long)
        assert float(one.log_likelihood(labels)[row]) == pytest.approx(some - total)


def test_gradients_by_finite_differences():
    base, labels = chain([4, 2, 1], 3), torch.tensor([[0, 1, 2, 1], [2, IGNORED, 0, 0], [1, 0, 0, 0]])
    parts = [part.clone().requires_grad_() for part in (base.emissions, base.transitions, base.starts, base.ends)]
    assert torch.autograd.gradcheck(
        lambda emissions, transitions, starts, ends: TagChain(
            emissions, base.mask, transitions, starts, ends).log_likelihood(labels), parts)


def test_hundreds_of_tags_and_large_scores_stay_finite():
    one = chain([30, 7], 0, scale=60.0, tags=300, dtype=torch.float32)
    emissions = one.emissions.clone().requires_grad_()
    hard = TagChain(emissions, one.mask, one.transitions.masked_fill(one.transitions > 90, FORBIDDEN), one.starts,
                    one.ends)
    likelihood = hard.log_likelihood(hard.best())
    likelihood.sum().backward()
    assert torch.isfinite(likelihood).all() and torch.isfinite(emissions.grad).all()
    assert (likelihood <= 1e-2).all()
    assert torch.isfinite(hard.log_marginals()).all()


def test_what_may_follow_in_iob2():
    names = tag_names(["A", "B"])
    allowed = {(before, tag) for before in ["", *names] for tag in names if may_follow(before, tag)}
    inside = {("B-A", "I-A"), ("I-A", "I-A"), ("B-B", "I-B"), ("I-B", "I-B")}
    assert allowed == {(b, t) for b in ["", *names] for t in names if not t.startswith("I")} | inside


@pytest.mark.parametrize("constraints", [True, False])
def test_constraints_keep_to_the_scheme(constraints):
    tokenizer = words_tokenizer()
    model = tagger(tokenizer, HeadConfig("crf", 0.0, crf=CrfHeadConfig(constraints))).eval()
    task, made = EntityRecognition(LABELS), features(tokenizer, TEXTS)
    inner = task.outputs.index("I-PER")
    with torch.no_grad():
        model.head.classifier.bias[inner] = 30.0
        found = score(model, made, Level.token, tokenizer.pad_id, 4)
    paths = [[task.outputs[tag] for tag in path[one.positions]] for one, path in zip(made, found.paths, strict=True)]
    legal = all(may_follow(*pair) for path in paths for pair in itertools.pairwise(["", *path]))
    assert legal == constraints
    first = np.exp([row[one.positions[0], inner] for one, row in zip(made, found.rows, strict=True)])
    assert (first < 1e-6).all() if constraints else (first > 0.99).all()


def units_of(model, tokenizer, texts):
    made = features(tokenizer, texts)
    found = score(model, made, Level.token, tokenizer.pad_id, 3)
    return [(row[one.positions], path[one.positions]) for one, row, path in
            zip(made, found.rows, found.paths, strict=True)]


def test_a_text_is_decided_alike_alone_and_in_any_batch():
    tokenizer = words_tokenizer()
    model, texts = tagger(tokenizer, "crf").eval(), [*TEXTS, "", "x", "unknown only", "Anna " * 40]
    torch.nn.init.normal_(model.head.transitions)
    with torch.inference_mode():
        together = units_of(model, tokenizer, texts)
        for text, (rows, path) in zip(texts, together, strict=True):
            [(alone, decided)] = units_of(model, tokenizer, [text])
            np.testing.assert_allclose(rows, alone, rtol=1e-4, atol=1e-5)
            assert path.tolist() == decided.tolist() and len(path) == len(text.split())


def test_predictions_are_the_best_path_and_its_marginals():
    task = EntityRecognition(["X"])
    example = EntityExample("0", "ab", (), ((0, 1), (1, 2)))
    tokenizer = words_tokenizer()
    [feature] = task.encode([example], tokenizer, Limits(32))
    row = np.full((len(feature.input_ids), 3), -5.0)
    row[feature.positions] = np.log([[0.5, 0.4, 0.1], [0.3, 0.3, 0.4]])
    path = np.zeros(len(feature.input_ids), dtype=int)
    path[feature.positions] = [1, 2]
    [told] = task.decode([feature], [row], [example], [path])
    assert told.predicted == [Span(0, 2, "X")] and told.scores == pytest.approx([0.16])
    [own] = task.decode([feature], [row], [example])
    assert own.predicted == [Span(1, 2, "X")] and own.scores == pytest.approx([0.4])


def test_the_loss_is_the_likelihood_of_the_units_alone():
    tokenizer = words_tokenizer()
    model, task = tagger(tokenizer, "crf").eval(), EntityRecognition(LABELS)
    spans = {TEXTS[0]: (Span(0, 4, "PER"), Span(14, 18, "LOC")), TEXTS[2]: (Span(0, 4, "LOC"),), TEXTS[3]: ()}
    made = task.encode([EntityExample(text, text, one) for text, one in spans.items()], tokenizer, Limits(99))
    batch = collate(made, Level.token, tokenizer.pad_id)
    loss = TaskLoss(CrossEntropy(torch.ones(5)))(model, batch).terms["label"]
    with torch.no_grad():
        chained = task_output(model, {name: value for name, value in batch.items() if name != "labels"}).chain
    expected = 0.0
    for row, one in enumerate(made):
        gold = tuple(label for label in one.targets.tolist() if label != IGNORED)
        scores = enumerated(chained, row)
        expected += np.logaddexp.reduce(list(scores.values())) - scores[gold]
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_overfits_32_texts():
    torch.manual_seed(0)
    texts = [f"{first} {second}" for first in "pqrs" for second in "abcdefgh"]
    tokenizer = words_tokenizer(texts)
    model = tagger(tokenizer, "crf").train()
    batch = inputs(tokenizer, texts)
    labels = torch.full_like(batch["input_ids"], IGNORED)
    labels[batch["units"].bool()] = torch.tensor([1, 2, 3, 0] * 16)
    optimizer, objective = torch.optim.Adam(model.parameters(), 0.03), TaskLoss(CrossEntropy(torch.ones(5)))
    for _ in range(100):
        loss = objective(model, {**batch, "labels": labels}).terms["label"] / 64
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss < 0.05:
            assert all(p.grad is None for p in model.parameters()) and model.head.transitions.any()
            return
    pytest.fail(f"loss {loss:.3f} after 100 updates")


def test_any_encoder_saved_and_loaded(tmp_path):
    config = BertConfig(vocab_size=99, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    head = HeadConfig("crf", crf=CrfHeadConfig())
    model = fresh_head(config, EntityRecognition.output, tag_names(LABELS), head, 0).eval()
    torch.nn.init.normal_(model.head.transitions)
    batch = {"input_ids": torch.arange(12).view(2, 6), "attention_mask": torch.ones(2, 6, dtype=torch.long),
             "units": torch.tensor([[0, 1, 0, 1, 1, 0], [0, 0, 1, 0, 0, 0]])}
    output = task_output(model, batch)
    assert output.places.tolist()[0] == [1, 3, 4] and output.places[1, 0] == 2
    assert output.chain.mask.tolist() == [[True, True, True], [True, False, False]]
    save_task_model(model, tmp_path)
    again = task_output(load_task_model(tmp_path, EntityRecognition.output, head).eval(), batch)
    assert torch.equal(again.chain.log_marginals(), output.chain.log_marginals())
