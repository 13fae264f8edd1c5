"""Peak memory of stages prepare_corpus (near-duplicates removed) and encode on growing text, a process each.

python benchmarks/peak_memory.py [--megabytes 10 100] [--workers 1]

The text is made up: words by Zipf's law, documents of four sentences, a tenth of them repeated. Peak resident memory is
what the kernel says of the stage's own process (VmHWM, which starts anew with the process); with several workers that
of the largest of them stands beside it. Encode must have kept every sentence of prepare. Goes on: --megabytes 10 500.
"""

from __future__ import annotations

import itertools
import multiprocessing
import random
import re
import resource
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness import cpu_runtime, encode_corpus, heading, parser, row, sentences_of, short, train_wordpiece

WORDS, WORDS_A_SENTENCE, SENTENCES_A_DOCUMENT, REPEATED = 30_000, (6, 20), 4, 0.1
TOKENIZER_SENTENCES = 20_000


@dataclass(frozen=True)
class Peak:
    """Peak resident memory in MB, of the stage's process and of its largest worker."""

    own: float
    worker: float

    @property
    def largest(self) -> float:
        """That of the largest process."""
        return max(self.own, self.worker)


def main() -> None:
    arguments = parse()
    peaks: dict[str, list[Peak]] = {"prepare_corpus": [], "encode": []}
    heading(f"peak resident memory of a stage's process, {arguments.workers} worker(s)")
    for megabytes in arguments.megabytes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            text, tokenizer = write_text(folder / "text.txt", megabytes), folder / "tokenizer"
            in_own_process(train, text, tokenizer)
            corpus, encoded = folder / "corpus", folder / "encoded"
            works = {"prepare_corpus": partial(prepare, text, corpus, arguments.workers),
                     "encode": partial(encode_corpus, corpus, tokenizer, encoded, arguments.workers)}
            for stage, work in works.items():
                peaks[stage].append(in_own_process(measure, work))
            demand_all(folder)
        for stage, found in peaks.items():
            worker = f", largest worker {short(found[-1].worker)} MB" if arguments.workers > 1 else ""
            growth = f"{found[-1].largest / found[0].largest:.2f}x of that at {arguments.megabytes[0]:g} MB"
            row(f"{stage}, {megabytes:g} MB", f"{short(found[-1].own)} MB{worker}", "itself", growth)


def parse():
    made = parser(__doc__, rounds=1)
    made.add_argument("--megabytes", type=float, nargs="+", default=[10, 100])
    made.add_argument("--workers", type=int, default=1)
    return made.parse_args()


def write_text(path: Path, megabytes: float) -> Path:
    """Write documents of made-up sentences; a tenth repeat one of the hundred before them."""
    rng = random.Random(0)
    letters = [chr(code) for code in (*range(0x3042, 0x3094), *range(0x4E00, 0x5000))]
    words = ["".join(rng.choices(letters, k=rng.randint(1, 4))) for _ in range(WORDS)]
    weights = list(itertools.accumulate(1 / (rank + 10) for rank in range(WORDS)))
    recent: list[str] = []
    written = 0
    with path.open("wb") as stream:
        while written < megabytes * 1e6:
            if len(recent) == 100 and rng.random() < REPEATED:
                document = rng.choice(recent)
            else:
                lengths = [rng.randint(*WORDS_A_SENTENCE) for _ in range(SENTENCES_A_DOCUMENT)]
                document = "".join("".join(rng.choices(words, cum_weights=weights, k=k)) + "。\n" for k in lengths)
                recent = [*recent[-99:], document]
            written += stream.write(f"{document}\n".encode())
    return path


def in_own_process(function: Callable, *arguments: object):
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def measure(work: Callable[[], object]) -> Peak:
    work()
    status = Path("/proc/self/status").read_text()
    own = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
    return Peak(own / 1000, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000)


def train(text: Path, tokenizer: Path) -> None:
    train_wordpiece(sentences_of(text, TOKENIZER_SENTENCES), tokenizer)


def prepare(text: Path, out: Path, workers: int) -> None:
    from jptransfer.config import CorpusConfig, DeduplicationConfig, SourceConfig
    from jptransfer.stages.prepare_corpus import PrepareCorpusStage
    from jptransfer.stages.prepare_corpus import run as prepare_corpus

    out.mkdir()
    source = SourceConfig(path=str(text))
    config = CorpusConfig(sources={"made_up": source}, deduplication=DeduplicationConfig(near=True))
    prepare_corpus(PrepareCorpusStage(config), {}, out, cpu_runtime(workers=workers))


def demand_all(folder: Path) -> None:
    import json

    statistics = json.loads((folder / "corpus" / "statistics.json").read_text(encoding="utf-8"))
    encoded = json.loads((folder / "encoded" / "encoded.json").read_text(encoding="utf-8"))
    assert statistics["sources"]["made_up"]["exact_duplicates"] > 0
    for split, facts in statistics["splits"].items():
        assert encoded["splits"][split]["sentences"] == facts["sentences"], split


if __name__ == "__main__":
    main()
