"""What the benchmarks share: inputs, turns, ratios by round, and the lines that stand in RESULTS.md.

Every script demands equal results first, then measures ours and the peer in turns in one run. Importing this imports
nothing heavy, since workers of the measured stages import their script again.
"""

from __future__ import annotations

import argparse
import gzip
import lzma
import os
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from jptransfer.config import Device, ModelConfig, RuntimeConfig
from jptransfer.config.plain import from_plain
from jptransfer.runtime import Runtime

CONFIGS = Path(__file__).resolve().parents[1] / "configs"

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@dataclass(frozen=True)
class Ratio:
    """The ratio of two sides measured in turns: median, least and most over the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, upper: Sequence[float], lower: Sequence[float]) -> Ratio:
        """Divide what was measured in the same round; seconds: peer by ours, rates: ours by peer."""
        ratios = [a / b for a, b in zip(upper, lower, strict=True)]
        return cls(statistics.median(ratios), min(ratios), max(ratios))

    def __str__(self) -> str:
        return f"{short(self.median)}x ({short(self.least)} to {short(self.most)})"


def in_turns(sides: Mapping[str, Callable[[], float]], rounds: int, warm_up: int = 1) -> dict[str, list[float]]:
    """Measure each side once a round, one after the other; the first `warm_up` rounds are not kept."""
    measured: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(-warm_up, rounds):
        for name, measure in sides.items():
            value = measure()
            if number >= 0:
                measured[name].append(value)
            print(f"  round {number}: {name} {short(value)}", file=sys.stderr, flush=True)
    return measured


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process, which other programs on the machine disturb least."""
    return _seconds(work, time.process_time)


def all_cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process and of those that it starts and ends meanwhile."""
    return _seconds(work, lambda: sum(os.times()[:4]))


def wall_seconds(work: Callable[[], object]) -> float:
    """Seconds that went by: for work of several processes."""
    return _seconds(work, time.perf_counter)


def _seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    work()
    return clock() - start


def short(value: float) -> str:
    """Write a number with three digits, whole ones with all they have."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 4
    return f"{value:,.{digits}f}"


def median(values: Sequence[float], unit: str) -> str:
    """Write the median with its unit."""
    return f"{short(statistics.median(values))} {unit}"


def heading(what: str) -> None:
    """Print when, where and how this is measured, and the head of the table."""
    script = Path(sys.argv[0])
    command = shlex.join(["python", f"{script.parent.name}/{script.name}", *sys.argv[1:]])
    machine = f"{len(os.sched_getaffinity(0))}-core CPU, load {os.getloadavg()[0]:.1f}"
    print(f"{date.today()}, {machine}; {what}:\n`{command}`\n")
    print("| work | ours | peer | ratio (least to most) |\n|---|---|---|---|", flush=True)


def row(work: str, ours: str, peer: str = "", ratio: Ratio | str = "") -> None:
    """Print one line of the table."""
    print(f"| {work} | {ours} | {peer} | {ratio} |", flush=True)


def compare(work: str, unit: str, ours: Sequence[float], peer: str, theirs: Sequence[float]) -> None:
    """Print the line of ours against a peer; a unit per second is a rate, any other a cost."""
    ratio = Ratio.of(ours, theirs) if unit.endswith("/s") else Ratio.of(theirs, ours)
    row(work, median(ours, unit), f"{peer}: {median(theirs, unit)}", ratio)


def parser(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """Return a parser that shows the script's docstring and knows ``--rounds``."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=rounds)
    return made


def training_parser(description: str | None, rounds: int, steps: int) -> argparse.ArgumentParser:
    """Return a parser for benchmarks of training loops."""
    made = parser(description, rounds)
    made.add_argument("--model", default="bert_mini")
    made.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    made.add_argument("--steps", type=int, default=steps)
    made.add_argument("--threads", type=int, default=1)
    return made


def model_config(name: str) -> ModelConfig:
    """Return the settings of a shipped model size."""
    import yaml

    return from_plain(ModelConfig, yaml.safe_load((CONFIGS / "model" / f"{name}.yaml").read_text(encoding="utf-8")))


def cpu_runtime(**settings: object) -> Runtime:
    """Return a silent runtime on the CPU."""
    return Runtime(RuntimeConfig(**{"device": Device.cpu, **settings}))


def lines_of(path: Path) -> Iterator[str]:
    """Yield the lines of a text file, which may be compressed (.xz, .gz), without their ends."""
    opener = {".xz": lzma.open, ".gz": gzip.open}.get(path.suffix, open)
    with opener(path, "rt", encoding="utf-8") as stream:
        yield from (line.rstrip("\n") for line in stream)


def sentences_of(path: Path, count: int) -> list[str]:
    """Return the first `count` lines that hold anything."""
    return list(islice((line for line in lines_of(path) if line.strip()), count))


def write_corpus(text: Path, megabytes: float, folder: Path) -> Path:
    """Write the first `megabytes` of `text` as a corpus of one split into `folder`; documents keep their ends."""
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    with (folder / "train.txt").open("wb") as stream:
        for line in lines_of(text):
            written += stream.write(f"{line}\n".encode())
            if written >= megabytes * 1e6:
                break
    return folder


def train_wordpiece(sentences: Sequence[str], folder: Path, vocab_size: int = 8000) -> Path:
    """Train WordPiece over MeCab, write it to `folder` and return that."""
    from jptransfer.config import TokenizerConfig
    from jptransfer.text.tokenizers import train_tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    train_tokenizer(TokenizerConfig(vocab_size=vocab_size), sentences).save(folder)
    return folder


def encode_corpus(corpus: Path, tokenizer: Path, out: Path, workers: int) -> Path:
    """Run stage encode and return its folder."""
    from jptransfer.config import EncodingConfig
    from jptransfer.stages.encode import EncodeStage, run

    out.mkdir(parents=True, exist_ok=True)
    run(EncodeStage(EncodingConfig()), {"corpus": corpus, "tokenizer": tokenizer}, out, cpu_runtime(workers=workers))
    return out
