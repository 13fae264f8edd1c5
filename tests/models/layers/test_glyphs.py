"""Pictures of characters, and the encoders that look at them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import pad
from transformers import ResNetConfig, ResNetModel

from jptransfer.config import GlyphsConfig, HeadConfig, MissingGlyph, ModelConfig, TokenizerConfig
from jptransfer.config.check import check
from jptransfer.errors import ConfigError
from jptransfer.models.encoder import encode
from jptransfer.models.encoders import glyph, super_characters
from jptransfer.models.encoders.glyph_settings import GlyphModelConfig
from jptransfer.models.encoders.super_characters_settings import SuperCharactersModelConfig
from jptransfer.models.heads.pooled_settings import PooledHeadConfig, Pooling
from jptransfer.models.layers.glyphs import GlyphTable, draw, stand_in
from jptransfer.models.task_models import fresh_head
from jptransfer.registry import MODELS
from jptransfer.tasks.classification import Classification
from jptransfer.text.tokenizers import train_tokenizer
from tests.models.vectors import VOCAB, batch, task_model


def units(*sentences: str):
    return train_tokenizer(TokenizerConfig(kind="character", min_frequency=1, nfkc=False), sentences)


def test_one_is_a_bar_and_spaces_and_control_characters_are_blank():
    [bar, *blank], lacking = draw(["一", " ", "\u3000", "\n", "\0", "\u200b"], GlyphsConfig())
    [row] = np.flatnonzero(bar.any(axis=1))
    columns = np.flatnonzero(bar[row])
    assert 5 <= row <= 10 and len(columns) >= 12 and np.all(np.diff(columns) == 1)
    assert set(np.unique(bar)) == {0, 255}
    assert lacking == 0 and not any(image.any() for image in blank)


def test_numerals_have_as_many_bars_and_marks_stand_where_they_are_written():
    (two, three, stop, dash), _ = draw(["二", "三", "。", "ー"], GlyphsConfig())
    bars = [np.count_nonzero(np.diff(image.any(axis=1).astype(int)) == 1) for image in (two, three)]
    assert bars == [2, 3]
    assert not stop[:8].any() and not stop[:, 8:].any() and stop[8:].any()
    assert 5 <= np.flatnonzero(dash.any(axis=1)).mean() <= 10
    [grey], _ = draw(["愛"], GlyphsConfig(grey=True))
    assert len(np.unique(grey)) > 2


@pytest.mark.parametrize("size", [8, 16, 24])
def test_nothing_of_a_kanji_is_cut_off(size):
    [large], _ = draw(["国"], GlyphsConfig(size=size, grey=True))
    rows, columns = (np.flatnonzero(large.any(axis=axis)) for axis in (1, 0))
    assert large.shape == (size, size)
    assert rows[-1] - rows[0] >= 0.75 * size and columns[-1] - columns[0] >= 0.75 * size


@pytest.mark.parametrize("missing", MissingGlyph)
def test_characters_that_the_font_lacks(missing):
    config = GlyphsConfig(missing=missing)
    [emoji, known], lacking = draw(["\U0001f600", "口"], config)
    assert lacking == 1 and np.array_equal(emoji, stand_in(config)) and not np.array_equal(known, emoji)
    assert np.count_nonzero(emoji) == (60 if missing is MissingGlyph.box else 0)


def test_a_file_that_is_no_font(tmp_path):
    (tmp_path / "a.ttf").write_text("no font")
    for path in (tmp_path / "a.ttf", tmp_path / "none.ttf"):
        with pytest.raises(ConfigError, match="is not a font that can be drawn at 16 pixels"):
            draw(["a"], GlyphsConfig(font=str(path)))


def test_the_table_follows_the_tokenizers_ids():
    tokenizer = units("一日口", "\U0001f600 一")
    table = GlyphTable(tokenizer.vocab_size, 16)
    assert table.fill(GlyphsConfig(), tokenizer) == {"units": 5, "missing": 1}
    (bar,), _ = draw(["一"], GlyphsConfig())
    ids = torch.tensor([[tokenizer.cls_id, tokenizer.id("一"), tokenizer.unk_id, tokenizer.pad_id]])
    found = table(ids)[0]
    assert not found[0].any() and not found[3].any()
    assert np.array_equal(found[1].numpy() * 255, bar)
    assert np.array_equal(found[2].numpy() * 255, stand_in(GlyphsConfig()))


@pytest.mark.parametrize("tokenizer", [
    train_tokenizer(TokenizerConfig(kind="byte", nfkc=False)),
    train_tokenizer(TokenizerConfig(kind="word", min_frequency=1), ["部屋がよい"])])
def test_units_that_are_no_characters_are_refused(tokenizer):
    with pytest.raises(ConfigError, match="take tokenizer=character"):
        GlyphTable(tokenizer.vocab_size, 16).fill(GlyphsConfig(), tokenizer)


def test_like_characters_have_like_vectors_wherever_they_stand():
    model = task_model("glyph", "pooled").eval()
    ids = torch.tensor([[5, 6, 5, 7], [7, 5, 0, 0]])
    with torch.no_grad():
        found = encode(model, {"input_ids": ids, "attention_mask": (ids != 0).long()}).last
        pictures = pad(model.encoder.table(ids[0]).unsqueeze(1), (1, 2, 1, 2))  # 9 pixels become 12, 4 times 3
        for layer in model.encoder.layers:
            pictures = layer(pictures)
    torch.testing.assert_close(found[0], pictures)
    torch.testing.assert_close(found[1, :2], pictures[[3, 0]])
    assert torch.equal(found[0, 0], found[0, 2]) and not found[1, 2:].any()


@pytest.mark.parametrize(("size", "sizes"), [
    (GlyphModelConfig(), (1024, 1024, 256)),
    (GlyphModelConfig(filters=[64, 128], pool=3, hidden=256), (512, 256, 256))])
def test_published_sizes(size, sizes):
    model = glyph.GlyphModel(glyph.configuration(ModelConfig("glyph", glyph=size), VOCAB, 0))
    linear = [layer for layer in model.layers[-1] if isinstance(layer, torch.nn.Linear)]
    assert (linear[0].in_features, linear[0].out_features, linear[1].out_features) == sizes
    assert encode(model, batch([3, 2])).last.shape == (2, 3, 256)
    for name, layer in model.layers.named_modules():  # glyph's model.lua: N(0, sqrt(2 / outputs)), times the area
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d):
            outputs = layer.weight[:, 0].numel()
            assert layer.weight.std().item() == pytest.approx((2 / outputs) ** 0.5, rel=0.1), name


def drawn_text(sentence: str, config: SuperCharactersModelConfig):
    tokenizer = units(sentence)
    whole = ModelConfig("super_characters", super_characters=config)
    made = super_characters.configuration(whole, tokenizer.vocab_size, tokenizer.pad_id)
    model = super_characters.SuperCharactersModel(made)
    model.start_from(whole, tokenizer)
    return model, torch.tensor([tokenizer.encode(sentence).ids])


def test_a_picture_holds_the_characters_row_by_row():
    config = SuperCharactersModelConfig(grid=3, size=16, stem=4, widths=[4], depths=[1], grey=True)
    model, ids = drawn_text("一日口目", config)
    picture = model.picture(ids)[0].numpy() * 255
    glyphs, _ = draw(list("一日口目"), config)
    expected = np.zeros((48, 48), np.uint8)
    for number, image in enumerate(glyphs):
        top, left = 16 * (number // 3), 16 * (number % 3)
        expected[top:top + 16, left:left + 16] = image
    np.testing.assert_allclose(picture, expected, atol=1e-4)
    masked = model.picture(ids, torch.tensor([[1, 1, 0, 0]]))[0].numpy()
    assert masked[:16, :32].any() and not masked[:, 32:].any() and not masked[16:].any()


def test_a_characters_state_is_that_of_its_place():
    model, ids = drawn_text("一日口目", SuperCharactersModelConfig(grid=2, size=16, stem=4, widths=[4], depths=[1]))
    with torch.no_grad():
        seen = model.eval().net(model.picture(ids).unsqueeze(1)).last_hidden_state
        found = model(ids).last_hidden_state
    assert seen.shape[2:] == (8, 8)
    torch.testing.assert_close(found[0], torch.stack([seen[0, :, 4 * (n // 2), 4 * (n % 2)] for n in range(4)]))


def test_the_mean_over_a_full_picture_is_the_average_of_the_map():
    config = SuperCharactersModelConfig(grid=4, size=8, stem=4, widths=[4, 6], depths=[1, 1])
    model, ids = drawn_text("一日口目" * 4, config)
    with torch.no_grad():
        pooled = model.eval().net(model.picture(ids).unsqueeze(1)).pooler_output.flatten(1)
        torch.testing.assert_close(model(ids).last_hidden_state.mean(1), pooled)


def test_longer_texts_stay_within_the_picture():
    model = task_model("super_characters", "pooled").eval()
    ids = torch.full((1, 40), 6)
    assert encode(model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}).last.shape[:2] == (1, 40)
    assert model.config.max_position_embeddings == 25


def test_weights_of_a_resnet_of_transformers(tmp_path):
    net = ResNetModel(ResNetConfig(num_channels=3, embedding_size=4, hidden_sizes=[8, 8], depths=[1, 1],
                                   layer_type="bottleneck"))
    net.save_pretrained(tmp_path)
    config = SuperCharactersModelConfig(grid=4, size=8, weights=str(tmp_path))
    model, ids = drawn_text("一日口目", config)
    assert all(torch.equal(value, model.net.state_dict()[name]) for name, value in net.state_dict().items())
    assert model(ids).last_hidden_state.shape == (1, 4, 8)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ConfigError, match="holds no ResNet"):
        drawn_text("一", config)


def test_sizes_that_do_not_fit():
    with pytest.raises(ConfigError, match="a stage each"):
        check(ModelConfig(super_characters=SuperCharactersModelConfig(widths=[4, 8])))
    with pytest.raises(ConfigError, match="32 pixels a side .* 4 stages need 64"):
        super_characters.configuration(
            ModelConfig("super_characters", super_characters=SuperCharactersModelConfig(grid=4, size=8)), 8, 0)


def test_a_model_keeps_its_pictures(tmp_path):
    tokenizer = units("一日口目")
    whole = ModelConfig("glyph", glyph=GlyphModelConfig(size=8, filters=[2], hidden=4, width=4))
    made = MODELS.load("glyph")(whole, tokenizer.vocab_size, 0)
    head = HeadConfig("pooled", pooled=PooledHeadConfig(Pooling.mean))
    model = fresh_head(made, Classification.output, ["a", "b"], head, 0)
    model.encoder.start_from(whole, tokenizer)
    model.encoder.save_pretrained(tmp_path)
    again = glyph.GlyphModel.from_pretrained(Path(tmp_path), dtype=torch.float32)
    assert again.table.images.dtype == torch.uint8 and torch.equal(again.table.images, model.encoder.table.images)
    assert again.table.images.any()
