"""Pictures of characters, drawn once from a font; the model stores them, so using it does not require the font."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from jptransfer.config import GlyphsConfig, MissingGlyph
from jptransfer.errors import ConfigError
from jptransfer.resources import japanese_font
from jptransfer.text.types import Tokenizer

INK = 255
"""Value of a fully inked pixel; 0 is the background."""


class GlyphTable(nn.Module):
    """The picture of every token, `images` (vocabulary, size, size) uint8; special tokens are blank."""

    images: Tensor

    def __init__(self, units: int, size: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(units, size, size, dtype=torch.uint8))

    def forward(self, ids: Tensor) -> Tensor:
        """Return the pictures (..., size, size) of ids (...), float32 from 0 (background) to 1 (ink)."""
        return self.images[ids].float() / INK

    def fill(self, config: GlyphsConfig, tokenizer: Tokenizer) -> dict[str, Any]:
        """Draw every token of a character tokenizer; return the number of tokens and of those missing in the font.

        Raises:
            ConfigError: a token is not a character, or the font cannot be read.
        """
        special = {tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id}
        drawn = [index for index in range(tokenizer.vocab_size) if index not in special | {tokenizer.unk_id}]
        images, lacking = draw([_character(tokenizer, index) for index in drawn], config)
        self.images[drawn] = torch.from_numpy(images)
        self.images[tokenizer.unk_id] = torch.from_numpy(stand_in(config))
        return {"units": len(drawn), "missing": lacking}


def _character(tokenizer: Tokenizer, index: int) -> str:
    token = tokenizer.token(index)
    if len(token) != 1 or tokenizer.decode([index]) != token:
        raise ConfigError(f"this model draws characters, and '{token}' is a token of the tokenizer; "
                          "take tokenizer=character")
    return token


def draw(characters: Sequence[str], config: GlyphsConfig) -> tuple[np.ndarray, int]:
    """Return pictures (characters, size, size) uint8, and the number of characters missing in the font.

    White space and control characters are blank. Characters are aligned to the left; the bottom of the font's line is
    the lower edge of the picture.

    Raises:
        ConfigError: the font cannot be read.
    """
    font = _font(config)
    # U+FFFF is never a character, so its picture is what the font draws for missing characters.
    nothing = bytes(font.getmask("\uffff"))
    top = config.size - sum(font.getmetrics())
    images = np.zeros((len(characters), config.size, config.size), np.uint8)
    lacking = 0
    for image, character in zip(images, characters, strict=True):
        if character.isspace() or not character.isprintable():
            continue
        if bytes(font.getmask(character)) == nothing:
            image[:], lacking = stand_in(config), lacking + 1
        else:
            image[:] = _picture(character, font, min(0, top), config)
    return images, lacking


def stand_in(config: GlyphsConfig) -> np.ndarray:
    """Return the picture (size, size) of a character that is missing in the font."""
    image = np.zeros((config.size, config.size), np.uint8)
    if config.missing is MissingGlyph.box:
        image[[0, -1]] = image[:, [0, -1]] = INK
    return image


def _picture(character: str, font: Any, top: int, config: GlyphsConfig) -> np.ndarray:
    from PIL import Image, ImageDraw

    image = Image.new("L", (config.size, config.size))
    pen = ImageDraw.Draw(image)
    pen.fontmode = "L" if config.grey else "1"
    pen.text((0, top), character, fill=INK, font=font)
    return np.array(image)


def _font(config: GlyphsConfig) -> Any:
    from PIL import ImageFont

    path = Path(config.font) if config.font else japanese_font()
    try:
        return ImageFont.truetype(str(path), config.size)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not a font that can be drawn at {config.size} pixels: {error}") from error
