"""The importer of the released weights against the equations in numpy."""

import numpy as np
import pytest
import torch

from jptransfer.errors import DataError
from jptransfer.models.folders import check_folder
from jptransfer.models.pretrained import load_language_model, trainable_objectives
from jptransfer.models.radford2017 import import_released
from jptransfer.text.tokenizers import load_tokenizer

WIDTH, INPUTS = 5, 7


def random_arrays():
    random = np.random.default_rng(0)
    shapes = [(256, INPUTS), (INPUTS, 4 * WIDTH), *[(WIDTH, WIDTH)] * 4, (INPUTS, WIDTH), (WIDTH, WIDTH), (4 * WIDTH,),
              (4 * WIDTH,), (4 * WIDTH,), (WIDTH,), (WIDTH,), (WIDTH, 256), (256,)]
    return [random.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.fixture
def arrays():
    return random_arrays()


@pytest.fixture
def released(arrays, tmp_path):
    folder = tmp_path / "released"
    folder.mkdir()
    for number, array in enumerate(arrays):
        np.save(folder / f"{number}.npy", array)
    return folder


def by_the_equations(arrays, text):
    """Scores of the next byte after each byte of `text`, and the cells: Radford et al. 2017, released code."""
    embedding, wx, *wh, wmx, wmh, b, gx, gh, gmx, gmh, w, out = [array.astype(np.float64) for array in arrays]
    wh = np.concatenate(wh, axis=1)
    wx, wh, wmx, wmh = (g * m / np.sqrt((m ** 2).sum(0)) for m, g in ((wx, gx), (wh, gh), (wmx, gmx), (wmh, gmh)))
    sigmoid = lambda value: 1 / (1 + np.exp(-value))  # noqa: E731
    hidden = cell = np.zeros(WIDTH)
    scores, cells = [], []
    for byte in text:
        x = embedding[byte]
        i, f, o, u = np.split(x @ wx + ((x @ wmx) * (hidden @ wmh)) @ wh + b, 4)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(u)
        hidden = sigmoid(o) * np.tanh(cell)
        scores.append(hidden @ w + out)
        cells.append(cell)
    return np.array(scores), np.array(cells)


def test_an_imported_model_computes_what_the_equations_say(arrays, released, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    import_released(released, out)
    check_folder(out)
    assert trainable_objectives(out) == ("causal",)
    model, tokenizer = load_language_model(out).eval(), load_tokenizer(out)
    ids = tokenizer.template.join(tokenizer.encode("良い a\nbook ").ids).ids
    assert bytes(ids) == b"\n " + "良い a book".encode() + b" "
    scores, cells = by_the_equations(arrays, ids)
    np.testing.assert_allclose(model(torch.tensor([ids])).logits[0].detach(), scores, atol=1e-5)
    np.testing.assert_allclose(model.encoder(torch.tensor([ids])).cells[0].detach(), cells, atol=1e-5)
    assert sum(parameter.numel() for parameter in model.parameters()) == sum(array.size for array in arrays)
    np.testing.assert_array_equal(model.encoder.embeddings.weight.detach(), arrays[0])


@pytest.mark.parametrize("number", [0, 1, 6, 13])
def test_a_transposed_array_is_named(arrays, released, tmp_path, number):
    np.save(released / f"{number}.npy", arrays[number].T)
    with pytest.raises(DataError, match=rf"{number}\.npy \(.*\) is transposed: it has the shape"):
        import_released(released, tmp_path)


@pytest.mark.parametrize("number", range(15))
def test_an_array_of_another_size_is_named(arrays, released, tmp_path, number):
    np.save(released / f"{number}.npy", np.concatenate([arrays[number], arrays[number][:1]]))
    with pytest.raises(DataError, match=rf"{number}\.npy \(.*\) has the shape .*, and .* is expected for 5 units"):
        import_released(released, tmp_path)


@pytest.mark.parametrize("number", range(15))
def test_a_missing_array_is_named(released, tmp_path, number):
    (released / f"{number}.npy").unlink()
    with pytest.raises(DataError, match=rf"{number}\.npy \(.*\) is missing; the released weights are"):
        import_released(released, tmp_path)


def test_an_array_too_many_and_damaged_ones_are_named(arrays, released, tmp_path):
    np.save(released / "15.npy", arrays[14])
    with pytest.raises(DataError, match=r"15\.npy is not one of"):
        import_released(released, tmp_path)
    (released / "15.npy").unlink()
    np.save(released / "8.npy", arrays[8] * np.nan)
    with pytest.raises(DataError, match=r"8\.npy \(b\) has values that are not finite"):
        import_released(released, tmp_path)
    np.save(released / "8.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(DataError, match=r"8\.npy \(b\) cannot be read"):
        import_released(released, tmp_path)
    (released / "8.npy").write_bytes(b"")
    with pytest.raises(DataError, match=r"8\.npy \(b\) cannot be read"):
        import_released(released, tmp_path)
