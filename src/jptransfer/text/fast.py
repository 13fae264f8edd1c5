"""``tokenizer.json``: how tokenizers without MeCab are stored, so that transformers' fast tokenizers read them."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path
from typing import Any

from jptransfer.errors import DataError
from jptransfer.text.base import Settings
from jptransfer.text.types import SPECIAL_TOKENS

FILE = "tokenizer.json"


def write_fast(folder: Path, settings: Settings, model: Any, before: Any, after: Any, collapse: bool) -> dict[str, Any]:
    """Write ``tokenizer.json`` with the normalisation of `settings` and BERT's special tokens around a text.

    Args:
        model: `tokenizers` model whose ids are those of the tokenizer.
        before, after: its pre-tokenizer and its decoder, or None.
        collapse: each run of white space becomes one space, none at the ends.

    Returns:
        The entries of ``tokenizer_config.json``.
    """
    from tokenizers import AddedToken, Tokenizer, processors

    tokenizer = Tokenizer(model)
    if normalizer := _normalizer(settings, collapse):
        tokenizer.normalizer = normalizer
    if before:
        tokenizer.pre_tokenizer = before
    if after:
        tokenizer.decoder = after
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    _, _, first, separator, _ = SPECIAL_TOKENS
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {separator}", pair=f"{first} $A {separator} $B:1 {separator}:1",
        special_tokens=[(token, SPECIAL_TOKENS.index(token)) for token in (first, separator)])
    tokenizer.save(str(folder / FILE))
    return {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}


def read_fast(folder: Path) -> dict[str, Any]:
    """Return the content of ``tokenizer.json``; `DataError` if it is missing or damaged."""
    try:
        return json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / FILE} is missing or damaged: {error}") from error


def _normalizer(settings: Settings, collapse: bool) -> Any:
    from tokenizers import Regex, normalizers

    steps: list[Any] = []
    if settings.nfkc:
        steps += [*_newer_than_library(), normalizers.NFKC()]
    if settings.lowercase:
        steps.append(normalizers.Lowercase())
    if collapse:
        steps += [normalizers.Replace(Regex(r"[\s\x1c-\x1f\x85]+"), " "), normalizers.Strip()]
    return normalizers.Sequence(steps) if steps else None


def _newer_than_library() -> list[Any]:
    """Return steps for characters that Python normalises and the tokenizers library's older Unicode does not (㋿)."""
    from tokenizers import normalizers

    library = normalizers.NFKC()
    known = (chr(code) for code in range(sys.maxunicode + 1) if unicodedata.decomposition(chr(code)))
    pairs = ((character, unicodedata.normalize("NFKC", character)) for character in known)
    return [normalizers.Replace(before, after) for before, after in pairs if library.normalize_str(before) != after]
