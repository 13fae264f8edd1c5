"""SentencePiece models that transformers converts wrongly, and the normalisation that it leaves out.

The file of a SentencePiece model says how text is cut. transformers builds a tokenizer of its own from it, which is not
always the same: `LlamaTokenizer` takes every model for byte-pair encoding, `MLukeTokenizer` forgets that fairseq's ids
are one higher, some classes drop the normalisation. The first two are loaded by a class that reads the file correctly;
normalisation is done here, with offsets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jptransfer.errors import ConfigError, DataError, reason
from jptransfer.text.alignment import Aligned, compose, identity, nfkc, nfkc_but_tilde
from jptransfer.text.special import own_special_ids

BEFORE: dict[str, Callable[[str], Aligned]] = {
    "": identity, "compose": compose, "nfkc": nfkc, "nfkc_but_tilde": nfkc_but_tilde}
"""Name in ``jpt_tokenizer.json`` -> what is done to a text before transformers' tokenizer gets it."""
_NFKC = {"Precompiled", "NFKC", "NFKD"}
_CLASSES = {"MLukeTokenizer": "XLMRobertaTokenizer"}
"""Class that gives wrong ids -> class that reads the same files correctly."""
_ALGORITHMS = {1: "Unigram", 2: "BPE"}
_STRANGE = "\U000F0000"
"""A private-use character that no vocabulary has."""


def corrected(tokenizer: Any, name: str, revision: str | None = None) -> Any:
    """Return a tokenizer that cuts as the vocabulary's own files say: `tokenizer`, or another class on the same files.

    Args:
        tokenizer: what AutoTokenizer loaded.
        name, revision: the folder or the hub's repository it was loaded from.

    Raises:
        ConfigError: text would get the ids of special tokens.
    """
    import transformers

    if not tokenizer.is_fast:
        return tokenizer
    algorithm = _algorithm(tokenizer, name, revision)
    better = _CLASSES.get(type(tokenizer).__name__)
    if algorithm and algorithm != type(tokenizer._tokenizer.model).__name__:
        better = "PreTrainedTokenizerFast"
    if better:
        found = getattr(transformers, better).from_pretrained(name, revision=revision or "main")
        if own_special_ids(found) == own_special_ids(tokenizer):
            found._tokenizer.post_processor = tokenizer._tokenizer.post_processor
        if algorithm and algorithm != type(found._tokenizer.model).__name__:
            raise ConfigError(f"'{name}': the model in its files is {algorithm}, but transformers' "
                              f"{type(tokenizer).__name__} cuts by {type(tokenizer._tokenizer.model).__name__}; set "
                              "tokenizer_class in its tokenizer_config.json to a class that fits its files")
        tokenizer = found
    _check_unknown(tokenizer, name)
    return tokenizer


def _algorithm(tokenizer: Any, name: str, revision: str | None) -> str | None:
    """Return Unigram or BPE as the vocabulary's files say; None: they do not say."""
    proto = _sentencepiece(tokenizer, name, revision)
    if proto is not None:
        return _ALGORITHMS.get(proto.trainer_spec.model_type)
    stated = _stored(name).get("model", {}).get("type")
    return stated if stated in _ALGORITHMS.values() else None


def _stored(name: str) -> dict[str, Any]:
    """Return the content of the ``tokenizer.json`` in a folder; empty if there is none."""
    path = Path(name) / "tokenizer.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _check_unknown(tokenizer: Any, name: str) -> None:
    special = own_special_ids(tokenizer)
    unknown = special.pop("unk", None)
    for index in tokenizer(_STRANGE, add_special_tokens=False, verbose=False)["input_ids"]:
        if index != unknown and index in special.values():
            raise ConfigError(
                f"'{name}': transformers' {type(tokenizer).__name__} gives unknown characters the id {index} of "
                f"{tokenizer.convert_ids_to_tokens(index)!r}, not that of the unknown token ({unknown}); set "
                "tokenizer_class in its tokenizer_config.json to a class that fits its files")


def normalisation_before(tokenizer: Any, name: str, revision: str | None = None) -> str:
    """Return the name in `BEFORE` of the normalisation that `tokenizer` needs and does not do.

    Where it normalises by NFKC, marks are composed before: the tokenizers library does not join か and U+3099, and the
    span of what it makes of ｶﾞ can miss the mark. Where its vocabulary was made with NFKC but it has none, all is done.
    """
    if not tokenizer.is_fast:
        return ""
    if _NFKC & set(_steps(tokenizer._tokenizer.normalizer)):
        return "compose"
    charsmap = _charsmap(tokenizer, name, revision)
    if not charsmap or not _is_nfkc(charsmap):
        return ""
    return "nfkc_but_tilde" if _normalised(charsmap, "～") == "～" else "nfkc"


def _steps(normalizer: Any) -> Iterator[str]:
    """Yield the types of the steps of a normaliser of the tokenizers library."""
    if normalizer is None:
        return
    pending = [json.loads(normalizer.__getstate__())]
    while pending:
        step = pending.pop()
        yield step.get("type", "")
        pending += step.get("normalizers", [])


def _charsmap(tokenizer: Any, name: str, revision: str | None) -> bytes | None:
    """Return the compiled normalisation that the vocabulary's files state, if any."""
    import base64

    proto = _sentencepiece(tokenizer, name, revision)
    if proto is not None:
        return proto.normalizer_spec.precompiled_charsmap or None
    pending = [_stored(name).get("normalizer") or {}]
    while pending:
        step = pending.pop()
        if step.get("precompiled_charsmap"):
            return base64.b64decode(step["precompiled_charsmap"])
        pending += step.get("normalizers", [])
    return None


def _is_nfkc(charsmap: bytes) -> bool:
    return _normalised(charsmap, "Ａ㍿") == "A株式会社"


def _normalised(charsmap: bytes, text: str) -> str:
    from tokenizers import normalizers

    return normalizers.Precompiled(charsmap).normalize_str(text)


def _sentencepiece(tokenizer: Any, name: str, revision: str | None) -> Any:
    """Return the parsed SentencePiece model beside a tokenizer; None if there is none, or the file is another kind."""
    from transformers.convert_slow_tokenizer import SentencePieceExtractor

    path = _model_file(tokenizer, name, revision)
    if path is None:
        return None
    try:
        return SentencePieceExtractor(str(path)).proto
    except Exception as error:  # noqa: BLE001 # the protobuf library's errors have no common class
        if path.name == "tokenizer.model":  # also the name of tiktoken's vocabularies
            return None
        raise DataError(f"{path} is damaged: no SentencePiece model ({reason(error)})") from error


def _model_file(tokenizer: Any, name: str, revision: str | None) -> Path | None:
    from transformers.utils import cached_file

    if Path(name).is_dir():
        return next((path for path in sorted(Path(name).glob("*.model"))), None)
    names = [file for file in type(tokenizer).vocab_files_names.values() if file.endswith(".model")]
    for file in names:
        found = cached_file(name, file, revision=revision or "main", _raise_exceptions_for_missing_entries=False)
        if found:
            return Path(found)
    return None
