"""Stage encode: a corpus becomes memory-mapped token ids."""

from __future__ import annotations

from pathlib import Path

from jptransfer.errors import DataError
from jptransfer.runtime import Runtime
from jptransfer.stages import WORK, EncodeStage, Inputs, Summary
from jptransfer.text.base import write_json
from jptransfer.text.cuts import Cut
from jptransfer.text.encode import encode_file
from jptransfer.text.encoded import DESCRIPTION
from jptransfer.text.tokenizers import load_tokenizer
from jptransfer.text.truncation import report_cuts


def run(config: EncodeStage, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
    """Encode every split of the corpus (docs/FORMATS.md, `encoded`)."""
    limit = config.encoding.max_sentence_tokens
    texts = {path.stem: path for path in sorted(inputs["corpus"].glob("*.txt"))}
    if not texts:
        raise DataError(f"{inputs['corpus']} holds no corpus: no train.txt, validation.txt or test.txt")
    splits = {split: encode_file(text, inputs["tokenizer"], out, split, limit, out / WORK, runtime).describe()
              for split, text in texts.items()}
    values = {"vocab_size": load_tokenizer(inputs["tokenizer"]).vocab_size, "splits": splits}
    write_json(out / DESCRIPTION, values)
    names = ("words_cut", "characters_cut")
    report_cuts({split: Cut(**{name: int(found[name]) for name in names}) for split, found in splits.items()}, runtime)
    tokens = sum(split["tokens"] for split in splits.values())
    sentences = sum(split["sentences"] for split in splits.values())
    return Summary(f"{tokens:,} tokens in {sentences:,} sentences", values)
