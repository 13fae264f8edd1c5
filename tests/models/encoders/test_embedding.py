from types import SimpleNamespace

import numpy as np
import pytest
import torch

from jptransfer.errors import ConfigError
from jptransfer.models.encoders.embedding_settings import Initial, Vectors
from jptransfer.text.types import SPECIAL_TOKENS
from tests.models.vectors import VOCAB, model_config, task_model

UNITS = [*SPECIAL_TOKENS, *(f"u{number}" for number in range(5, VOCAB))]
TOKENIZER = SimpleNamespace(token=UNITS.__getitem__, vocab_size=VOCAB)


def started(tmp_path, mode, text):
    (tmp_path / "v.vec").write_text(text)
    encoder = task_model("embedding", mode=mode).encoder
    before = [table.clone() for table in encoder.table.tables()]
    settings = model_config("embedding", mode=mode, vectors=str(tmp_path / "v.vec"))
    return encoder, before, encoder.start_from(settings, TOKENIZER)["vectors"]


@pytest.mark.parametrize("mode", [Vectors.static, Vectors.non_static, Vectors.multichannel])
def test_units_take_the_vectors_of_their_words_and_others_their_variance(tmp_path, mode):
    vectors = np.random.default_rng(0).normal(size=(2, 6)).round(3)
    rows = [("u7", vectors[0]), ("elsewhere", np.ones(6)), ("[CLS]", np.ones(6)), ("u9", vectors[1]),
            ("u9", np.zeros(6))]
    encoder, before, told = started(tmp_path, mode, "".join(f"{w} {' '.join(map(str, v))}\n" for w, v in rows))
    assert told == {"units": 25, "found": 2, "coverage": 2 / 25, "words": 5, "duplicates": 1}
    for table, random in zip(encoder.table.tables(), before, strict=True):
        np.testing.assert_allclose(table[[7, 9]].detach().numpy(), vectors, rtol=1e-6)
        others = [index for index in range(VOCAB) if index not in (7, 9)]
        expected = random[others] / 0.25 * vectors.std() * 3**0.5
        torch.testing.assert_close(table.detach()[others], expected.detach())
        assert not table[0].any()
    ids = torch.tensor([[7, 8]])
    torch.testing.assert_close(encoder(ids).last_hidden_state, sum(table[ids] for table in encoder.table.tables()))


def test_another_width_and_no_common_word_are_mistakes_of_the_user(tmp_path):
    with pytest.raises(ConfigError, match=r"^model\.embedding\.width=6, .* width 2; set model\.embedding\.width=2$"):
        started(tmp_path, Vectors.static, "u7 1 2\n")
    with pytest.raises(ConfigError, match="none of its 1 words is a token of the tokenizer; .*tokenizer=word"):
        started(tmp_path, Vectors.static, "x 1 2 3 4 5 6\n")


def test_random_vectors_are_uniform_and_padding_is_zero():
    table = task_model("embedding").encoder.table.learning.detach()
    assert not table[0].any() and table.abs().max() <= 0.25 and table[1:].std() == pytest.approx(0.25 / 3**0.5, rel=0.2)


@pytest.mark.parametrize(("mode", "vectors", "said"), [(Vectors.rand, "f", "uses no vectors"),
                                                       (Vectors.static, "", "vectors is required")])
def test_mode_and_file_must_fit(mode, vectors, said):
    assert said in model_config("embedding", mode=mode, vectors=vectors).embedding.validate()


@pytest.mark.parametrize("architecture", ["embedding", "rnn", "lstm"])
def test_normal_random_vectors_have_the_variance_of_one_part_in_their_width(architecture):
    """EmbedNet's model.lua: normal(0, sqrt(1 / width)), padding zero."""
    table = task_model(architecture, initial=Initial.normal).encoder.table.learning.detach()
    assert not table[0].any() and table.abs().max() > 0.5
    assert table[1:].std().item() == pytest.approx(6 ** -0.5, rel=0.25)


def test_units_without_a_vector_have_the_files_variance_however_they_were_drawn(tmp_path):
    (tmp_path / "v.vec").write_text("u7 1 2 3 4 5 6\n")
    encoder = task_model("embedding", mode=Vectors.static, initial=Initial.normal).encoder
    before = encoder.table.frozen.clone()
    encoder.start_from(model_config("embedding", mode=Vectors.static, vectors=str(tmp_path / "v.vec")), TOKENIZER)
    expected = before[8:] * 6**0.5 * np.arange(1, 7).std()
    torch.testing.assert_close(encoder.table.frozen[8:], expected.to(torch.float32))
