"""Registry row of tokenizer `pretrained`, which has no settings of its own."""

from __future__ import annotations

from jptransfer.registry import TOKENIZERS

TOKENIZERS.add("pretrained", "jptransfer.text.pretrained:PretrainedTokenizer",
               "any tokenizer of transformers, from the hub or a folder", trained=False, source=True)
