"""The released weights of Radford et al. (2017): 15 arrays in files ``0.npy`` to ``14.npy`` -> our model and tokenizer.

Matrices are (inputs, outputs), gates are in the order input, forget, output, new. The shape of a square matrix does not
tell whether it is transposed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from jptransfer.config import TokenizerConfig
from jptransfer.errors import DataError, reason
from jptransfer.models.encoders.byte_lstm import MultiplicativeLstmConfig, MultiplicativeLstmForCausalLM
from jptransfer.models.pretrained import save_language_model
from jptransfer.text.simple_settings import ByteTokenizerConfig
from jptransfer.text.tokenizers import train_tokenizer

SYMBOLS = 256
NAMES = ("embedding", "Wx", *(f"Wh, part {part} of 4" for part in range(1, 5)), "Wmx", "Wmh", "b", "gain of Wx",
         "gain of Wh", "gain of Wmx", "gain of Wmh", "output W", "output b")
"""What each array is, in the order of their files."""
Arrays = Mapping[int, np.ndarray]


def import_released(folder: Path, to: Path) -> MultiplicativeLstmForCausalLM:
    """Write the model with the arrays in `folder`, and its tokenizer, to the folder `to`; return the model.

    Raises:
        DataError: an array is missing, damaged, one too many, or not of the shape that the others ask for; the message
            names it.
    """
    arrays = _read(folder)
    width, inputs = _sizes(arrays)
    _check_shapes(folder, arrays, width, inputs)
    config = MultiplicativeLstmConfig(vocab_size=SYMBOLS, hidden_size=width, embedding_size=inputs)
    with torch.device("meta"):
        model = MultiplicativeLstmForCausalLM(config)
    tensors = {number: torch.tensor(array, dtype=torch.float32) for number, array in arrays.items()}
    layer = dict(zip(("wx", "wmx", "wmh", "b", "gx", "gh", "gmx", "gmh"),
                     (tensors[number] for number in (1, 6, 7, 8, 9, 10, 11, 12)), strict=True))
    layer["wh"] = torch.cat([tensors[number] for number in range(2, 6)], 1)
    weights = {f"encoder.layers.0.{name}": tensor for name, tensor in layer.items()}
    weights |= {"encoder.embeddings.weight": tensors[0], "decoder.weight": tensors[13].t().contiguous(),
                "decoder.bias": tensors[14]}
    model.load_state_dict(weights, assign=True)
    save_language_model(model, to)
    units = ByteTokenizerConfig(special_tokens=False)
    train_tokenizer(TokenizerConfig("byte", kind="byte", byte=units, nfkc=False)).save(to)
    return model


def _read(folder: Path) -> dict[int, np.ndarray]:
    """Return number -> array."""
    files = {path.name for path in folder.glob("*.npy")}
    wanted = {f"{number}.npy": number for number in range(len(NAMES))}
    if missing := [name for name in wanted if name not in files]:
        raise DataError(f"{folder}: {missing[0]} ({NAMES[wanted[missing[0]]]}) is missing"
                        + (f", and {len(missing) - 1} more; " if missing[1:] else "; ")
                        + "the released weights are 0.npy to 14.npy")
    if extra := sorted(files - wanted.keys()):
        raise DataError(f"{folder}: {extra[0]} is not one of the released weights, which are 0.npy to 14.npy")
    arrays = {}
    for name, number in wanted.items():
        try:
            array = np.load(folder / name, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{folder / name} ({NAMES[number]}) cannot be read ({reason(error)})") from error
        if not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
            raise DataError(f"{folder / name} ({NAMES[number]}) has values that are not finite numbers")
        arrays[number] = array
    return arrays


def _sizes(arrays: Arrays) -> tuple[int, int]:
    """Return the width of the states and that of the embeddings which most of the arrays have."""
    longest = {number: max(array.shape, default=0) for number, array in arrays.items()}
    widths = Counter([longest[8] // 4, longest[9] // 4, longest[10] // 4, longest[11], longest[12], longest[7],
                      *(longest[number] for number in range(2, 6))])
    width = widths.most_common(1)[0][0]
    places = ((0, SYMBOLS), (1, 4 * width), (6, width))
    inputs = Counter(_other(arrays[number].shape, known) for number, known in places)
    return width, inputs.most_common(1)[0][0]


def _other(shape: tuple[int, ...], known: int) -> int:
    """Return the dimension of a matrix beside the one that is known; 0: there is none."""
    rest = list(shape)
    if known in rest:
        rest.remove(known)
    return rest[0] if rest else 0


def _check_shapes(folder: Path, arrays: Arrays, width: int, inputs: int) -> None:
    """Raise `DataError` for the first array that has not the shape of its place."""
    square = (width, width)
    expected = dict(enumerate([
        (SYMBOLS, inputs), (inputs, 4 * width), square, square, square, square, (inputs, width), square, (4 * width,),
        (4 * width,), (4 * width,), (width,), (width,), (width, SYMBOLS), (SYMBOLS,)]))
    for number, shape in expected.items():
        found = arrays[number].shape
        if found != shape:
            what = "is transposed: it has" if found == shape[::-1] else "has"
            raise DataError(f"{folder / f'{number}.npy'} ({NAMES[number]}) {what} the shape {_shown(found)}, and "
                            f"{_shown(shape)} is expected for {width} units")


def _shown(shape: tuple[int, ...]) -> str:
    return re.sub(r",?\)$", ")", str(shape))
