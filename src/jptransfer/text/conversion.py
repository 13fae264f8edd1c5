"""SentencePiece models that transformers converts wrongly, and the normalisation that it leaves out.

The file of a SentencePiece model says how text is cut. transformers builds a tokenizer of its own from it, which is not
always the same. So where there is such a file the sentencepiece library cuts, see `find_model`; what transformers adds
are ids and special tokens. A class that numbers pieces or unknown characters wrongly is replaced by one that does not
(`MLukeTokenizer` forgets that fairseq's ids are one higher), or refused. Where only ``tokenizer.json`` is left, the
normalisation that it lacks is done here, with offsets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jptransfer.errors import ConfigError, DataError, reason
from jptransfer.text.alignment import (
    Aligned,
    compose,
    identity,
    lowercase,
    nfkc,
    nfkc_but_tilde,
    strip_accents,
)
from jptransfer.text.special import own_special_ids

BEFORE: dict[str, Callable[[str], Aligned]] = {
    "": identity, "compose": compose, "nfkc": nfkc, "nfkc_but_tilde": nfkc_but_tilde, "lowercase": lowercase,
    "strip_accents": strip_accents, "strip_accents_lowercase": lambda text: strip_accents(text).then(lowercase)}
"""Name in ``jpt_tokenizer.json`` -> what is done to a text before transformers' tokenizer gets it."""
_NFKC = {"Precompiled", "NFKC", "NFKD"}
_CLASSES = {"MLukeTokenizer": "XLMRobertaTokenizer"}
"""Class that gives wrong ids -> class that reads the same files correctly."""
_ALGORITHMS = {1: "Unigram", 2: "BPE"}
_STRANGE = "\U000F0000"
"""A private-use character that no vocabulary has."""
_KNOWN = ("の", "a", "1")
"""Characters that many vocabularies have."""
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _BYTE = 1, 2, 3, 4, 6
"""Types of pieces in a SentencePiece model."""
_BYTE_PIECE = re.compile(r"<0x[0-9A-F]{2}>$")
_FIT = "set tokenizer_class in its tokenizer_config.json to a class that fits its files"


@dataclass(frozen=True)
class Model:
    """A SentencePiece model: its file's name and content, and the same with special tokens that no text can spell."""

    file: str
    content: bytes
    cutting: bytes


def corrected(tokenizer: Any, name: str, revision: str | None = None) -> Any:
    """Return a tokenizer that cuts as the vocabulary's own files say: `tokenizer`, or another class on the same files.

    Args:
        tokenizer: what AutoTokenizer loaded.
        name, revision: the folder or the hub's repository it was loaded from.

    Raises:
        ConfigError: text would get the ids of special tokens.
    """
    if not tokenizer.is_fast:
        return tokenizer
    algorithm = _algorithm(tokenizer, name, revision)
    better = _CLASSES.get(type(tokenizer).__name__)
    if algorithm and algorithm != type(tokenizer._tokenizer.model).__name__:
        better = "PreTrainedTokenizerFast"
    if better:
        tokenizer = _another_class(better, tokenizer, algorithm, name, revision)
    _check_unknown(tokenizer, name)
    return tokenizer


def _another_class(better: str, tokenizer: Any, algorithm: str | None, name: str, revision: str | None) -> Any:
    """Return a tokenizer of the class `better` on the same files, with the same special tokens around a text."""
    import transformers

    try:
        found = getattr(transformers, better).from_pretrained(name, revision=revision or "main")
    except Exception as error:  # the library behind it raises bare Exceptions
        raise _wrong_algorithm(tokenizer, algorithm, name) from error
    if own_special_ids(found) == own_special_ids(tokenizer):
        found._tokenizer.post_processor = tokenizer._tokenizer.post_processor
    if algorithm and algorithm != type(found._tokenizer.model).__name__:
        raise _wrong_algorithm(tokenizer, algorithm, name)
    return found


def _wrong_algorithm(tokenizer: Any, algorithm: str | None, name: str) -> ConfigError:
    return ConfigError(f"'{name}': the model in its files is {algorithm}, but transformers' {type(tokenizer).__name__} "
                       f"cuts by {type(tokenizer._tokenizer.model).__name__}; {_FIT}")


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
    """Raise `ConfigError` if a character that no vocabulary has gets an id other than that of the unknown token.

    Bytes are right, too, and so is the piece of a space before a text.
    """
    steps = {*_steps(tokenizer._tokenizer.normalizer), *_steps(tokenizer._tokenizer.pre_tokenizer)}
    if "ByteLevel" in steps:
        return
    unknown = own_special_ids(tokenizer).get("unk")

    def cut(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    for known in ("", *_KNOWN):
        start = cut(known) if known else [tokenizer.convert_tokens_to_ids("▁")]
        found = cut(known + _STRANGE)
        if found[:len(start)] == start:
            found = found[len(start):]
        elif known:
            continue  # what is unknown changed how the known character is cut
        for index in found:
            piece = tokenizer.convert_ids_to_tokens(index)
            if index != unknown and not _BYTE_PIECE.match(piece):
                raise ConfigError(
                    f"'{name}': transformers' {type(tokenizer).__name__} gives unknown characters the id {index} of "
                    f"{piece!r}, not that of the unknown token ({unknown}); {_FIT}")


def find_model(tokenizer: Any, name: str, revision: str | None = None) -> Model | None:
    """Return the SentencePiece model that a tokenizer was made of; None: there is none, or it has other pieces.

    Its special tokens become control symbols: spelled out in a text they are text.

    Raises:
        ConfigError: transformers' class numbers the pieces of the model wrongly, or has another unknown token.
    """
    path = _model_file(tokenizer, name, revision) if tokenizer.is_fast else None
    proto = _sentencepiece(tokenizer, name, revision) if path else None
    if path is None or proto is None:
        return None
    units, kind = tokenizer.get_vocab(), type(tokenizer).__name__
    numbers = {piece.piece: number for number, piece in enumerate(proto.pieces)
               if piece.type in (_NORMAL, _USER_DEFINED, _BYTE)}
    missing = next((piece for piece in numbers if piece not in units), None)
    if _file(name, "tokenizer.json", revision):
        own = tokenizer._tokenizer.get_vocab(with_added_tokens=False).keys() - {piece.piece for piece in proto.pieces}
        if missing or any(not (unit.startswith(("<", "[")) or unit in tokenizer.all_special_tokens) for unit in own):
            return None
    elif missing or len({units[piece.piece] - number for number, piece in enumerate(proto.pieces)
                         if piece.type in (_NORMAL, _BYTE)}) > 1:
        what = f"has no id for the piece {missing!r} of" if missing else "changes the order of the pieces of"
        raise ConfigError(f"'{name}': transformers' {kind} {what} {path.name}; {_FIT}")
    unknown = next(piece.piece for piece in proto.pieces if piece.type == _UNKNOWN)
    if unknown != tokenizer.unk_token:
        raise ConfigError(f"'{name}': the unknown token of transformers' {kind} is {tokenizer.unk_token!r}, that of "
                          f"{path.name} {unknown!r}; set unk_token in its tokenizer_config.json")
    special = set(own_special_ids(tokenizer).values())
    for piece in proto.pieces:
        if piece.type in (_NORMAL, _USER_DEFINED) and units[piece.piece] in special:
            piece.type = _CONTROL
    return Model(path.name, path.read_bytes(), proto.SerializeToString())


def changes_of_class(tokenizer: Any, name: str, revision: str | None = None) -> str:
    """Return the name in `BEFORE` of what a class does to a text beside its SentencePiece model: to case and accents.

    Raises:
        ConfigError: it does so by default alone, and no file of the tokenizer says that it was meant.
    """
    steps = set(_steps(tokenizer._tokenizer.normalizer))
    lower = "Lowercase" in steps or tokenizer.init_kwargs.get("do_lower_case") is True
    # XLNet's class takes accents off whatever the setting says.
    accents = "StripAccents" in steps and not getattr(tokenizer, "keep_accents", False)
    config = _file(name, "tokenizer_config.json", revision)
    stated = json.loads(config.read_text(encoding="utf-8")) if config else {}
    if not _file(name, "tokenizer.json", revision):
        for changed, setting, value, what in ((accents, "keep_accents", "true", "takes accents off (が becomes か)"),
                                              (lower, "do_lower_case", "false", "makes text lower case")):
            if changed and setting not in stated:
                raise ConfigError(f"'{name}': transformers' {type(tokenizer).__name__} {what} unless told otherwise; "
                                  f'write "{setting}": {value} (or the opposite, if the model was trained so) into its '
                                  "tokenizer_config.json")
    return "_".join(["strip_accents"] * accents + ["lowercase"] * lower)


def normalisation_before(tokenizer: Any, name: str) -> str:
    """Return the name in `BEFORE` of the normalisation that `tokenizer`, without a SentencePiece model, does not do.

    Where it normalises by NFKC, marks are composed before: the tokenizers library does not join か and U+3099, and the
    span of what it makes of ｶﾞ can miss the mark. Where ``tokenizer.json`` states NFKC but the class leaves it out, all
    is done.

    Raises:
        ConfigError: the class leaves out another normalisation.
    """
    if not tokenizer.is_fast:
        return ""
    if _NFKC & set(_steps(tokenizer._tokenizer.normalizer)):
        return "compose"
    charsmap = _charsmap(name)
    if not charsmap:
        return ""
    if _normalised(charsmap, "Ａ㍿") != "A株式会社":
        raise ConfigError(f"'{name}': transformers' {type(tokenizer).__name__} leaves out the normalisation that "
                          f"tokenizer.json states; {_FIT}")
    return "nfkc_but_tilde" if _normalised(charsmap, "～") == "～" else "nfkc"


def _steps(normalizer: Any) -> Iterator[str]:
    """Yield the types of the steps of a normaliser or pre-tokenizer of the tokenizers library."""
    if normalizer is None:
        return
    pending = [json.loads(normalizer.__getstate__())]
    while pending:
        step = pending.pop()
        yield step.get("type", "")
        pending += step.get("normalizers", []) + step.get("pretokenizers", [])


def _charsmap(name: str) -> bytes | None:
    """Return the compiled normalisation that the ``tokenizer.json`` in a folder states, if any."""
    import base64

    pending = [_stored(name).get("normalizer") or {}]
    while pending:
        step = pending.pop()
        if step.get("precompiled_charsmap"):
            return base64.b64decode(step["precompiled_charsmap"])
        pending += step.get("normalizers", [])
    return None


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


def _file(name: str, file: str, revision: str | None) -> Path | None:
    """Return a file of a folder or of the hub's repository; None if there is none."""
    from transformers.utils import cached_file

    found = cached_file(name, file, revision=revision or "main", _raise_exceptions_for_missing_entries=False)
    return Path(found) if found else None


def _model_file(tokenizer: Any, name: str, revision: str | None) -> Path | None:
    if Path(name).is_dir():
        return next((path for path in sorted(Path(name).glob("*.model"))), None)
    names = [file for file in type(tokenizer).vocab_files_names.values() if file.endswith(".model")]
    return next((path for file in names if (path := _file(name, file, revision))), None)
