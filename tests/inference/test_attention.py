import json

import pytest
import torch

from jptransfer.config import AttentionConfig, HeadConfig, ModelConfig, TokenizerConfig, TruncationSide
from jptransfer.errors import ConfigError
from jptransfer.inference.attention import attention_file, runs
from jptransfer.inference.attention_weights import attended
from jptransfer.learners import prediction
from jptransfer.learners.scores import EncoderPredictor
from jptransfer.models.encoders.awd_lstm import configuration
from jptransfer.models.encoders.awd_lstm_settings import AwdLstmModelConfig
from jptransfer.models.encoders.embedding import EmbeddingConfig
from jptransfer.models.heads.self_attention_settings import SelfAttentionHeadConfig
from jptransfer.models.task_models import fresh_head
from jptransfer.models.windows import Windows
from jptransfer.tasks.base import make_task
from jptransfer.tasks.classification import Classification
from jptransfer.text.tokenizers import train_tokenizer

pytestmark = pytest.mark.slow

TEXTS = ["良い宿", "", "a b"]


@pytest.fixture
def predictor(runtime):
    tokenizer = train_tokenizer(TokenizerConfig("byte", kind="byte"), [])
    config = EmbeddingConfig(vocab_size=tokenizer.vocab_size, hidden_size=8, pad_token_id=tokenizer.pad_id)
    head = HeadConfig(name="self_attention", self_attention=SelfAttentionHeadConfig(hidden=6, hops=3, dense=4))
    task = make_task("classification", ["bad", "good"])
    model = fresh_head(config, Classification.output, task.labels, head, 0)
    return EncoderPredictor(task, model, tokenizer, 8, torch.device("cpu"), runtime)


@pytest.fixture
def written(predictor, tmp_path, runtime, monkeypatch):
    monkeypatch.setattr(prediction, "load_predictor", lambda folder, runtime: predictor)
    monkeypatch.setattr(prediction, "reads_pairs", lambda folders: False)
    source = tmp_path / "texts.txt"
    source.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")

    def write(name, **settings):
        config = AttentionConfig(artifact="", input=str(source), output=str(tmp_path / name), **settings)
        return attention_file(config, tmp_path, runtime), (tmp_path / name).read_text(encoding="utf-8")

    return write


def test_weights_are_those_of_the_head(written, predictor):
    count, text = written("out.jsonl", batch_size=2)
    rows = [json.loads(line) for line in text.splitlines()]
    assert count == 3 and [row["text"] for row in rows] == TEXTS
    assert [(p["start"], p["end"]) for p in rows[0]["pieces"]] == [(0, 1)] * 3 + [(1, 2)] * 3  # 6 of 9 bytes: the limit
    tokenizer, head = predictor.tokenizer, predictor.model.head
    states = predictor.model.encoder(torch.tensor([tokenizer.encode("a b").ids])).last_hidden_state[0]
    by_hand = (torch.tanh(states @ head.score[0].weight.T) @ head.score[2].weight.T).softmax(0)
    assert torch.allclose(torch.tensor([p["hops"] for p in rows[2]["pieces"]]), by_hand, atol=1e-6)
    assert rows[2]["pieces"][0]["weight"] == pytest.approx(by_hand[0].mean().item(), abs=1e-6)


def test_the_page_holds_every_text_and_no_more_than_asked(written):
    count, page = written("out.html", limit=1)
    assert count == 1 and "良</span>" in page and "3 hops" in page and "a b" not in page


def test_runs_cover_the_text_and_pieces_of_one_character_are_one():
    found = list(runs("x宿 y", [(1, 2), (1, 2), (3, 4)], [0.2, 0.3, 0.25]))
    assert "".join(run.text for run in found) == "x宿 y"
    assert [(run.text, run.strength) for run in found] == [("x", None), ("宿", 1.0), (" ", None), ("y", 0.5)]
    assert list(runs("", [], [])) == []


def test_what_can_not_be_shown(written, predictor):
    with pytest.raises(ConfigError, match="output: a page"):
        written("out.png")
    config = predictor.model.config
    predictor.model = fresh_head(config, Classification.output, ["bad", "good"], HeadConfig(name="kim_cnn"), 0)
    with pytest.raises(ConfigError, match="those that have: .*self_attention"):
        written("out.html")


def test_of_a_text_read_in_windows_the_pieces_that_the_head_saw_have_weights(runtime):
    tokenizer = train_tokenizer(TokenizerConfig("byte", kind="byte"), [])
    size = AwdLstmModelConfig(layers=1, embedding=6, hidden=6)
    config = configuration(ModelConfig("awd_lstm", awd_lstm=size), tokenizer.vocab_size, tokenizer.pad_id)
    head = HeadConfig(name="self_attention", self_attention=SelfAttentionHeadConfig(hidden=6, hops=3, dense=4))
    task = make_task("classification", ["bad", "good"])
    model = fresh_head(config, Classification.output, task.labels, head, 0, windows=Windows(4, 5))
    predictor = EncoderPredictor(task, model, tokenizer, 1000, torch.device("cpu"), runtime, TruncationSide.left)
    examples = [task.example("0", "abcdefghij"), task.example("1", "ab")]
    long, short = attended(predictor, examples)
    assert long.pieces == [(6, 7), (7, 8), (8, 9), (9, 10)]  # the fifth unit seen is the mark at the end
    assert short.pieces == [(0, 1), (1, 2)] and long.weights.shape == (3, 4)
    for one, expected in zip((long, short), predictor.predict(examples), strict=True):
        assert one.prediction.probabilities == pytest.approx(expected.probabilities, abs=1e-5)
