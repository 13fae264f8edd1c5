"""Training of byte language models: ours against a loop over steps, torch.compile of it, and nn.LSTM, in turns.

python benchmarks/byte_lm.py [--units 512 1024] [--rows 64] [--window 64] [--rounds 3] [--model multiplicative_lstm]

A round is one update of each side: forward pass over one window of all streams, loss of the next byte, backward pass
and Adam. The loop is the reference step of the package, with autograd; the second peer is the same loop over a step
that torch.compile made (without a C++ compiler it is left out). nn.LSTM has as many units as make its parameters equal
in number. Before that, losses and gradients of ours and the loop must agree, and those of our plain LSTM and of nn.LSTM
with the same weights. CPU seconds of one thread. The share of matrix products is the time that the products of an
update take alone, in the same shapes, of the time of the update.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from typing import Any

import torch
from harness import Ratio, compare, cpu_seconds, heading, in_turns, parser, row, short
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from jptransfer.models.encoders.byte_lstm import (
    ByteLstmConfig,
    ByteLstmForCausalLM,
    MultiplicativeLstmConfig,
    MultiplicativeLstmForCausalLM,
)
from jptransfer.models.layers.byte_cells import normalised, step

SYMBOLS, EMBEDDING = 256, 64
MODELS: dict[str, Any] = {"multiplicative_lstm": (MultiplicativeLstmConfig, MultiplicativeLstmForCausalLM),
                          "byte_lstm": (ByteLstmConfig, ByteLstmForCausalLM)}
TOLERANCE = 1e-4


class TorchLm(nn.Module):
    """nn.LSTM between the same embeddings and decoder."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.embeddings, self.decoder = nn.Embedding(SYMBOLS, EMBEDDING), nn.Linear(units, SYMBOLS)
        self.lstm = nn.LSTM(EMBEDDING, units, batch_first=True)

    def loss(self, ids: Tensor, labels: Tensor) -> Tensor:
        states, _ = self.lstm(self.embeddings(ids))
        return cross_entropy(self.decoder(states).flatten(0, 1), labels.flatten())


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    ids = torch.randint(SYMBOLS, (arguments.rows, arguments.window + 1))
    for units in arguments.units:
        measure(arguments, units, ids[:, :-1], ids[:, 1:].contiguous())


def parse() -> argparse.Namespace:
    made = parser(__doc__, rounds=3)
    made.add_argument("--units", type=int, nargs="+", default=[512, 1024])
    made.add_argument("--model", default="multiplicative_lstm", choices=list(MODELS))
    made.add_argument("--rows", type=int, default=64)
    made.add_argument("--window", type=int, default=64)
    made.add_argument("--threads", type=int, default=1)
    return made.parse_args()


def measure(arguments: argparse.Namespace, units: int, ids: Tensor, labels: Tensor) -> None:
    model = fresh(arguments.model, units)
    parameters = sum(one.numel() for one in model.parameters())
    peer = TorchLm(equal_width(parameters))
    error = max(gate_of_the_loop(model, ids, labels), gate_of_torch(fresh("byte_lstm", units), ids, labels))
    compiled = torch.compile(step, dynamic=False) if shutil.which("c++") or shutil.which("g++") else None
    losses: dict[str, tuple[nn.Module, Callable[[], Tensor]]] = {
        "ours": (model, lambda: our_loss(model, ids, labels)),
        "loop": (model, lambda: loop_loss(model, ids, labels, step)),
        "torch": (peer, lambda: peer.loss(ids, labels))}
    if compiled:
        losses["compiled"] = (model, lambda: loop_loss(model, ids, labels, compiled))
    heading(f"{arguments.model}, {units} units ({parameters / 1e6:.1f}M parameters), {arguments.rows} streams in "
            f"windows of {arguments.window} bytes, CPU time, {arguments.threads} thread(s); losses and gradients "
            f"differ by at most {error:.1e}")
    optimizers = {name: torch.optim.Adam(one.parameters(), 0.0) for name, (one, _) in losses.items()}

    def seconds(name: str) -> float:
        return cpu_seconds(lambda: update(optimizers[name], losses[name][1]))

    sides = {name: (lambda name=name: ids.numel() / seconds(name)) for name in losses}
    products = Products(arguments.model, units, arguments.rows, arguments.window)
    rates = in_turns(sides | {"products": lambda: ids.numel() / cpu_seconds(products)}, arguments.rounds)
    compare("training", "bytes/s", rates["ours"], "loop over steps", rates["loop"])
    if compiled:
        compare("training", "bytes/s", rates["ours"], "torch.compile of its step", rates["compiled"])
    width = peer.lstm.hidden_size
    compare("training", "bytes/s", rates["ours"], f"nn.LSTM of {width} units (equal parameters)", rates["torch"])
    share = Ratio.of(rates["ours"], rates["products"])
    row("share of the update in matrix products", f"{share.median:.0%} ({share.least:.0%} to {share.most:.0%})",
        f"products alone: {short(products.operations / ids.numel() * rates['products'][0] / 1e9)} GFLOP/s")


def fresh(name: str, units: int) -> Any:
    configuration, made = MODELS[name]
    torch.manual_seed(0)
    return made(configuration(hidden_size=units, embedding_size=EMBEDDING)).train()


def equal_width(parameters: int) -> int:
    """Return the units of nn.LSTM with the number of parameters nearest to `parameters`."""
    def count(units: int) -> int:
        return 4 * units * (units + EMBEDDING + 2) + SYMBOLS * (EMBEDDING + units + 1)

    return min(range(8, 8192), key=lambda units: abs(count(units) - parameters))


def our_loss(model: Any, ids: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(model.decoder(model.read_stream(ids, None).states).flatten(0, 1), labels.flatten())


def loop_loss(model: Any, ids: Tensor, labels: Tensor, one_step: Callable[..., Any]) -> Tensor:
    layer = model.encoder.layers[0]
    weights, state, states = layer.prepare(model.encoder.embeddings.weight), layer.start(len(ids)), []
    for position in range(ids.shape[1]):
        state = one_step(ids[:, position].contiguous(), weights, state)
        states.append(state[0])
    return cross_entropy(model.decoder(torch.stack(states, 1)).flatten(0, 1), labels.flatten())


def update(optimizer: torch.optim.Optimizer, loss: Callable[[], Tensor]) -> None:
    optimizer.zero_grad()
    loss().backward()
    optimizer.step()


def gate_of_the_loop(model: Any, ids: Tensor, labels: Tensor) -> float:
    """Return the greatest difference of losses and gradients, relative to the greatest gradient of a parameter."""
    found = []
    for loss in (lambda: our_loss(model, ids, labels), lambda: loop_loss(model, ids, labels, step)):
        model.zero_grad()
        value = loss()
        value.backward()
        found.append([value.detach(), *(one.grad.clone() for one in model.parameters())])
    model.zero_grad()
    worst = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(*found, strict=True))
    assert worst < TOLERANCE, worst
    return worst


@torch.no_grad()
def gate_of_torch(model: Any, ids: Tensor, labels: Tensor) -> float:
    """Return the difference of losses of our plain LSTM and nn.LSTM with the same weights."""
    layer, peer = model.encoder.layers[0], TorchLm(model.config.hidden_size)
    peer.embeddings, peer.decoder = model.encoder.embeddings, model.decoder
    order = (0, 1, 3, 2)  # i, f, o, u -> i, f, g, o
    for name, ours in (("weight_ih_l0", normalised(layer.wx, layer.gx)), ("bias_ih_l0", layer.b),
                       ("weight_hh_l0", normalised(layer.wh, layer.gh))):
        getattr(peer.lstm, name).copy_(torch.cat([ours.chunk(4, -1)[gate] for gate in order], -1).t())
    peer.lstm.bias_hh_l0.zero_()
    error = abs(float(our_loss(model, ids, labels) - peer.loss(ids, labels)))
    assert error < TOLERANCE, error
    return error


class Products:
    """The matrix products of one update, alone."""

    def __init__(self, name: str, units: int, rows: int, window: int) -> None:
        steps = [(units, 4 * units), *([(units, units)] if name == "multiplicative_lstm" else [])]
        self.window = window
        self.steps = [(torch.randn(rows, a), torch.randn(a, b)) for a, b in [*steps, *(size[::-1] for size in steps)]]
        positions = rows * window
        whole = [(a, positions, b) for a, b in steps] + [
            (positions, units, SYMBOLS), (positions, SYMBOLS, units), (SYMBOLS, positions, units)]
        self.whole = [(torch.randn(a, b), torch.randn(b, c)) for a, b, c in whole]

    @property
    def operations(self) -> float:
        """Multiplications and additions."""
        return sum(2.0 * a.shape[0] * a.shape[1] * b.shape[1] * times
                   for pairs, times in ((self.steps, self.window), (self.whole, 1)) for a, b in pairs)

    def __call__(self) -> None:
        for _ in range(self.window):
            for a, b in self.steps:
                torch.mm(a, b)
        for a, b in self.whole:
            torch.mm(a, b)


if __name__ == "__main__":
    main()
