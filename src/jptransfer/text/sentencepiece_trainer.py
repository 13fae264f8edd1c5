"""Training of SentencePiece in a process of its own: without memory the library ends its process, not just the call.

Run as a script by `train`; it imports nothing of the project, so that it starts quickly.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterable
from typing import Any


def train(texts: Iterable[str], options: dict[str, Any]) -> bytes:
    """Return the serialised model that `SentencePieceTrainer` learns of `texts`.

    Args:
        texts: one sentence each, without line breaks.
        options: keyword arguments of ``SentencePieceTrainer.train``.

    Raises:
        MemoryError: the process ended without an answer, as the library does when it cannot allocate memory.
        RuntimeError: what the library says of texts and options that do not go together.
    """
    from jptransfer.files import json_text  # here: the script has no use for it

    sent = "\n".join([json_text(options), *texts]).encode()
    # -P: the folder of this file must not be searched for modules.
    done = subprocess.run([sys.executable, "-P", __file__], input=sent, capture_output=True)
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    if done.returncode == REFUSED:
        raise RuntimeError(said)
    raise MemoryError(f"SentencePiece's process ended with {done.returncode} ({said})")


REFUSED = 3
"""Exit status for texts and options that SentencePiece refuses."""


def main() -> int:
    """Read options and texts from the standard input; write the model to the standard output."""
    from sentencepiece import SentencePieceTrainer

    options, _, texts = sys.stdin.buffer.read().decode().partition("\n")
    model = io.BytesIO()
    try:
        SentencePieceTrainer.train(sentence_iterator=iter(texts.split("\n")), model_writer=model, **json.loads(options))
    except (RuntimeError, OSError) as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        return REFUSED
    sys.stdout.buffer.write(model.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main())
