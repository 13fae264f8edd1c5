"""Stage encode with one worker and with two, beside a loop that only computes, in turns; equal bytes demanded first.

python benchmarks/encode_workers.py TEXT [--megabytes 32] [--vocab-size 8000] [--rounds 3]

TEXT has one sentence a line (.xz and .gz are opened). Whatever slows two processes down on this machine slows the loop
too: its gain from a second process is the most there is, and the ratio says how much of it encode reaches. Wall time.
"""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from harness import (
    Ratio,
    encode_corpus,
    heading,
    in_turns,
    median,
    parser,
    row,
    sentences_of,
    train_wordpiece,
    wall_seconds,
    write_corpus,
)

from jptransfer.artifacts.digests import sha256_file
from jptransfer.text.encode import LEAST_RANGE

SPINS = 50_000_000
LEAST_RANGES = 4
TOKENIZER_SENTENCES = 30_000


def main() -> None:
    arguments = parse()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(2, context) as pool:
        folder = Path(name)
        corpus = write_corpus(arguments.text, arguments.megabytes, folder / "corpus")
        tokenizer = train_wordpiece(
            sentences_of(arguments.text, TOKENIZER_SENTENCES), folder / "tokenizer", arguments.vocab_size)
        digests = {workers: digest(encode_corpus(corpus, tokenizer, folder / str(workers), workers))
                   for workers in (1, 2, 3)}
        assert len(set(map(str, digests.values()))) == 1, digests

        def encoding(workers: int) -> float:
            shutil.rmtree(folder / "out", ignore_errors=True)
            return wall_seconds(lambda: encode_corpus(corpus, tokenizer, folder / "out", workers))

        def spinning(workers: int) -> float:
            return wall_seconds(lambda: list(pool.map(spin, [SPINS // workers] * workers)))

        heading("stage encode, wall time; equal bytes with 1, 2 and 3 workers demanded first")
        times = in_turns({"encode 1": lambda: encoding(1), "encode 2": lambda: encoding(2),
                          "spin 1": lambda: spinning(1), "spin 2": lambda: spinning(2)}, arguments.rounds)
    encode, loop = ([a / b for a, b in zip(times[f"{what} 1"], times[f"{what} 2"], strict=True)]
                    for what in ("encode", "spin"))
    row(f"1 to 2 workers, {arguments.megabytes:g} MB",
        f"{median(times['encode 1'], 's')} to {median(times['encode 2'], 's')}: {median(encode, 'times')}",
        f"CPU spin: {median(loop, 'times')}", Ratio.of(encode, loop))


def parse():
    made = parser(__doc__, rounds=3)
    made.add_argument("text", type=Path)
    made.add_argument("--megabytes", type=float, default=32)
    made.add_argument("--vocab-size", type=int, default=8000)
    arguments = made.parse_args()
    if arguments.megabytes * 1e6 < LEAST_RANGES * LEAST_RANGE:
        made.error(f"--megabytes must give {LEAST_RANGES} ranges of {LEAST_RANGE:,} bytes, the parts workers take")
    return arguments


def spin(count: int) -> int:
    """Compute and touch no memory."""
    value = 1
    for _ in range(count):
        value = value * 5 % 1000003
    return value


def digest(folder: Path) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in sorted(folder.iterdir()) if path.is_file()}


if __name__ == "__main__":
    main()
