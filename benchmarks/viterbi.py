"""Best sequences of tags: our batched Viterbi against a loop over sentences, in turns, equal paths demanded first.

python benchmarks/viterbi.py [--sentences N] [--batch N] [--rounds R]

Lengths of sentences follow those of news (geometric, mean 20, at most 80); 9 tags are IOB2 over four types, 81 over
forty. Ours and the loop in torch take the same tensors; the loop in numpy gets arrays of its own.
"""

from __future__ import annotations

import argparse
import os
from functools import partial

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch
from harness import compare, cpu_seconds, heading, in_turns, parser

from jptransfer.models.layers.linear_chain import TagChain


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    heading(f"{arguments.sentences:,} sentences in batches of {arguments.batch}, CPU time of one thread")
    for tags in (9, 81):
        chains = batches(arguments.sentences, arguments.batch, tags)
        paths = ours(chains)
        for peer, loop in (("loop over sentences in torch", torch_loop), ("loop over sentences in numpy", numpy_loop)):
            assert loop(chains) == paths
            sides = {"ours": partial(cpu_seconds, partial(ours, chains)),
                     "peer": partial(cpu_seconds, partial(loop, chains))}
            times = in_turns(sides, arguments.rounds)
            compare(f"Viterbi, {tags} tags", "s", times["ours"], peer, times["peer"])


def parse() -> argparse.Namespace:
    made = parser(__doc__, rounds=5)
    made.add_argument("--sentences", type=int, default=4096)
    made.add_argument("--batch", type=int, default=64)
    return made.parse_args()


def batches(sentences: int, size: int, tags: int) -> list[TagChain]:
    """Random scores of sentences in batches of similar length, as prediction makes them."""
    random = torch.Generator().manual_seed(0)
    lengths = np.sort(np.random.default_rng(0).geometric(1 / 20, sentences).clip(1, 80))[::-1]
    transitions, starts, ends = (torch.randn(*shape, generator=random) for shape in ((tags, tags), (tags,), (tags,)))
    made = []
    for start in range(0, sentences, size):
        part = torch.from_numpy(lengths[start:start + size].copy())
        mask = torch.arange(int(part[0])) < part[:, None]
        made.append(TagChain(torch.randn(*mask.shape, tags, generator=random), mask, transitions, starts, ends))
    return made


def ours(chains: list[TagChain]) -> list[list[int]]:
    paths: list[list[int]] = []
    for chain in chains:
        pairs = zip(chain.best().tolist(), chain.mask.sum(1).tolist(), strict=True)
        paths += [path[:length] for path, length in pairs]
    return paths


def torch_loop(chains: list[TagChain]) -> list[list[int]]:
    paths = []
    for chain in chains:
        for emissions, mask in zip(chain.emissions, chain.mask, strict=True):
            scores, origins = chain.starts + emissions[0], []
            for step in emissions[1:int(mask.sum())]:
                best, origin = (scores[:, None] + chain.transitions).max(0)
                scores = best + step
                origins.append(origin)
            path = [int((scores + chain.ends).argmax())]
            for origin in reversed(origins):
                path.append(int(origin[path[-1]]))
            paths.append(path[::-1])
    return paths


def numpy_loop(chains: list[TagChain]) -> list[list[int]]:
    paths = []
    for chain in chains:
        transitions, starts, ends = chain.transitions.numpy(), chain.starts.numpy(), chain.ends.numpy()
        for emissions, mask in zip(chain.emissions.numpy(), chain.mask.numpy(), strict=True):
            scores, origins = starts + emissions[0], []
            for step in emissions[1:mask.sum()]:
                sums = scores[:, None] + transitions
                origins.append(sums.argmax(0))
                scores = sums.max(0) + step
            path = [int((scores + ends).argmax())]
            for origin in reversed(origins):
                path.append(int(origin[path[-1]]))
            paths.append(path[::-1])
    return paths


if __name__ == "__main__":
    main()
