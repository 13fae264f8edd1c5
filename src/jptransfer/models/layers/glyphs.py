"""Pictures of characters, drawn once from a font; a model carries them, so that it needs no font to be used."""

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
"""Value of a pixel that is all ink; 0 is the ground."""


class GlyphTable(nn.Module):
    """The picture of every unit, `images` (units, size, size) uint8; those of special tokens are blank."""

    images: Tensor

    def __init__(self, units: int, size: int) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(units, size, size, dtype=torch.uint8))

    def forward(self, ids: Tensor) -> Tensor:
        """Return the pictures (..., size, size) of ids (...), float32 from 0 (ground) to 1 (ink)."""
        return self.images[ids].float() / INK

    def fill(self, config: GlyphsConfig, tokenizer: Tokenizer) -> dict[str, Any]:
        """Draw every unit of a tokenizer of characters; return how many there are and how many the font lacks.

        Raises:
            ConfigError: a unit is no character, or the font cannot be read.
        """
        special = {tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id}
        drawn = [index for index in range(tokenizer.vocab_size) if index not in special | {tokenizer.unk_id}]
        images, lacking = draw([_character(tokenizer, index) for index in drawn], config)
        self.images[drawn] = torch.from_numpy(images)
        self.images[tokenizer.unk_id] = torch.from_numpy(stand_in(config))
        return {"units": len(drawn), "missing": lacking}


def _character(tokenizer: Tokenizer, index: int) -> str:
    unit = tokenizer.token(index)
    if len(unit) != 1 or tokenizer.decode([index]) != unit:
        raise ConfigError(f"this model draws characters, and '{unit}' is a unit of the tokenizer; "
                          "take tokenizer=character")
    return unit


def draw(characters: Sequence[str], config: GlyphsConfig) -> tuple[np.ndarray, int]:
    """Return pictures (characters, size, size) uint8, and how many of the characters the font lacks.

    White space and control characters are blank. A character stands at the left; the lowest part of the font's line
    ends at the lower edge.

    Raises:
        ConfigError: the font cannot be read.
    """
    font = _font(config)
    # A code point that will never be a character shows what a font draws in place of one.
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
    """Return the picture (size, size) of a character that cannot be shown."""
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
        raise ConfigError(f"{path} is no font that can be drawn at {config.size} pixels: {error}") from error
