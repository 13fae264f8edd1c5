"""Tokenizers of transformers, from the hub or a folder, with character offsets also where transformers has none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

from jptransfer.config import TokenizerConfig
from jptransfer.errors import ConfigError, reason
from jptransfer.files import check_readable
from jptransfer.hub import HUB, split_reference
from jptransfer.text.alignment import replace_surrogates
from jptransfer.text.base import DESCRIPTION, Settings, encode_lines, encode_words, write_json
from jptransfer.text.conversion import (
    BEFORE,
    Model,
    changes_of_class,
    corrected,
    find_model,
    normalisation_before,
)
from jptransfer.text.cutters import FastCutter, SentencePieceCutter, SlowCutter
from jptransfer.text.special import own_special_ids, special_id, template_of, usable_units
from jptransfer.text.types import Encoding, IdBlock


class PretrainedTokenizer:
    """Any tokenizer that AutoTokenizer loads. Special tokens spelled out in a text are text.

    Attributes:
        special_ids: role (pad, cls, bos, ...) -> id of the special tokens that the tokenizer itself has.
    """

    def __init__(self, tokenizer: Any, settings: Settings | None = None, model: Model | None = None) -> None:
        """Take a tokenizer of transformers and the SentencePiece model that it was made of, if any."""
        self.tokenizer, self.model = tokenizer, model
        self.settings = settings or Settings("pretrained")
        self.pad_id, self.unk_id, self.cls_id, self.sep_id = (
            special_id(tokenizer, role) for role in ("pad", "unk", "cls", "sep"))
        self.special_ids = own_special_ids(tokenizer)
        self.template = template_of(tokenizer)
        self.vocab_size = usable_units(tokenizer)
        self._cut = self._cutter()

    def _cutter(self) -> Callable[[str], Encoding]:
        overlay, before = self.settings.overlay(), BEFORE[self.settings.before]
        if self.model:
            return SentencePieceCutter(self.tokenizer, overlay, before, self.model.cutting)
        if self.tokenizer.is_fast:
            return FastCutter(self.tokenizer, overlay, before)
        return SlowCutter(self.tokenizer, self.unk_id, overlay)

    @classmethod
    def train(cls, config: TokenizerConfig, sentences: Iterable[str] = ()) -> Self:
        """Fetch the tokenizer that `config.source` names; no sentence is read.

        Raises:
            ConfigError: there is no source, or transformers cannot load it.
        """
        if not config.source:
            raise ConfigError("tokenizer.source is missing: kind pretrained needs hf:org/name@revision or a folder")
        return cls._open(config.source, Settings.of(config))

    @classmethod
    def load(cls, folder: Path, settings: Settings | None = None) -> Self:
        """Read a folder that transformers reads."""
        if settings is None:
            return cls._open(str(folder), Settings("pretrained"))
        found = open_pretrained(str(folder))
        return cls(found, settings, find_model(found, str(folder)))

    @classmethod
    def _open(cls, source: str, settings: Settings) -> Self:
        """Read a tokenizer that jpt did not save, and find out what its text needs before."""
        found, place = open_pretrained(source), _place(source)
        model = find_model(found, *place)
        before = changes_of_class(found, *place) if model else normalisation_before(found, place[0])
        return cls(found, replace(settings, before=before), model)

    @property
    def mask_id(self) -> int:
        """The id of the mask token; `ConfigError` if the tokenizer has none."""
        if self.tokenizer.mask_token_id is None:
            raise ConfigError(f"the tokenizer {self.tokenizer.name_or_path} has no mask token; "
                              "masked language modelling needs one")
        return self.tokenizer.mask_token_id

    def encode(self, text: str) -> Encoding:
        """Cut `text`; offsets refer to `text` as given."""
        return self._cut(replace_surrogates(text))

    def encode_words(self, words: Sequence[str], starts: Sequence[int] | None = None) -> Encoding:
        """Cut pre-tokenised input, see `jptransfer.text.types.Tokenizer.encode_words`."""
        return encode_words(self, words, starts)

    def encode_lines(self, lines: Iterable[str]) -> IdBlock:
        """Return the ids of many sentences, see `jptransfer.text.types.Tokenizer.encode_lines`."""
        return encode_lines(self, lines)

    def token(self, index: int) -> str:
        """Return the piece with this id."""
        return self.tokenizer.convert_ids_to_tokens(int(index))

    def id(self, token: str) -> int:
        """Return the id of this piece, `unk_id` if there is none."""
        found = self.tokenizer.convert_tokens_to_ids(token)
        return self.unk_id if found is None else found

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids` without special tokens."""
        return self.tokenizer.decode(list(map(int, ids)), skip_special_tokens=True)

    def save(self, folder: Path) -> None:
        """Write transformers' files, the SentencePiece model if there is one, and ``jpt_tokenizer.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        self.tokenizer.save_pretrained(folder)
        if self.model:
            (folder / self.model.file).write_bytes(self.model.content)
        write_json(folder / DESCRIPTION, asdict(self.settings))


def open_pretrained(source: str) -> Any:
    """Return transformers' tokenizer from ``hf:org/name@revision`` or a folder; no code from the hub is run.

    Raises:
        ConfigError: transformers finds or understands no tokenizer there.
        DataError: a file of the folder may not be read.
    """
    from transformers import AutoTokenizer

    name, revision = _place(source)
    if not source.startswith(HUB) and not Path(name).is_dir():
        raise ConfigError(f"tokenizer source '{source}' is no folder; a tokenizer of the hub is hf:org/name@revision")
    if not source.startswith(HUB):
        check_readable(Path(name))
    try:
        found = AutoTokenizer.from_pretrained(name, revision=revision or "main", trust_remote_code=False)
    except Exception as error:  # the library behind it raises bare Exceptions on damaged files
        raise ConfigError(f"transformers cannot load a tokenizer from '{source}': {reason(error)}") from error
    if len(found) <= len(found.all_special_ids):
        raise ConfigError(f"'{source}' holds no vocabulary: transformers makes a tokenizer of special tokens alone")
    return corrected(found, name, revision)


def _place(source: str) -> tuple[str, str | None]:
    """Return the folder or the hub's repository that a source names, and its revision."""
    return split_reference(source) if source.startswith(HUB) else (source, None)
