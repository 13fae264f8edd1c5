"""Training of SentencePiece in a process of its own."""

import subprocess
import sys

import pytest

from jptransfer.errors import exhausted
from jptransfer.text.sentencepiece_trainer import train

OPTIONS = {"model_type": "bpe", "vocab_size": 30, "num_threads": 1, "minloglevel": 2}
LIMITED = """
import resource
from jptransfer.text.sentencepiece_trainer import train
resource.setrlimit(resource.RLIMIT_AS, (200 << 20,) * 2)
texts = ["".join(chr(0x3042 + number * step % 70) for number in range(200)) for step in range(1, 20_000)]
train(texts, {"model_type": "unigram", "vocab_size": 500, "num_threads": 1, "minloglevel": 2})
"""


def test_the_model_is_that_of_a_call_of_the_library():
    import io

    from sentencepiece import SentencePieceTrainer

    texts, here = ["東京は晴れ、京都は雨です。", "a b\tc", "雨の京都を歩く"] * 5, io.BytesIO()
    SentencePieceTrainer.train(sentence_iterator=iter(texts), model_writer=here, **OPTIONS)
    assert train(texts, OPTIONS) == here.getvalue()


def test_what_the_library_refuses_is_a_runtime_error():
    with pytest.raises(RuntimeError, match="(?i)vocab"):
        train(["あ"], OPTIONS | {"vocab_size": 4, "hard_vocab_limit": True})


def test_without_memory_the_library_does_not_end_the_run():
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True)
    assert done.returncode == 1 and "MemoryError: SentencePiece's process ended with" in done.stderr
    assert exhausted(MemoryError(done.stderr)).startswith("out of memory")
