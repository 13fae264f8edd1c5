"""LSTM and multiplicative LSTM over a small alphabet, with weight normalisation (Radford et al. 2017).

The multiplicative LSTM (Krause et al. 2016) of one layer, with x the embedding of a byte:

    m = (x Wmx) * (h Wmh)        z = x Wx + m Wh + b        i, f, o, u = split(z)
    c = s(f) c + s(i) tanh(u)    h = s(o) tanh(c)

The plain LSTM has z = x Wx + h Wh + b. Every column of Wx, Wh, Wmx and Wmh is divided by its norm and multiplied by a
learnt gain (Salimans and Kingma 2016).

The alphabet has few symbols, so products with x are rows of a table that is made once per window. What is left at each
step are the products with h and m. The backward pass is written here: it saves the gates only, and makes the gradients
of Wh and Wmh in one product over all steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from jptransfer.models.layers.cells import FREE, Clamp, State


@dataclass(frozen=True)
class Recurrence:
    """Weights of a window, with n the width and v the size of the alphabet.

    Attributes:
        gates: (v, 4 n) x Wx + b of each symbol, in the order i, f, o, u.
        recurrent: (n, 4 n) Wh.
        factors: (v, n) x Wmx of each symbol; None: a plain LSTM.
        factor_recurrent: (n, n) Wmh; None: a plain LSTM.
    """

    gates: Tensor
    recurrent: Tensor
    factors: Tensor | None = None
    factor_recurrent: Tensor | None = None


class ByteLstmLayer(nn.Module):
    """One weight-normalised LSTM layer over the embeddings of symbols."""

    def __init__(self, inputs: int, width: int) -> None:
        """Set the widths of the embeddings and of the states."""
        super().__init__()
        self.width = width
        self.wx, self.gx = _weights(inputs, 4 * width)
        self.wh, self.gh = _weights(width, 4 * width)
        self.b = nn.Parameter(torch.empty(4 * width))

    def start(self, rows: int) -> State:
        """Return the state (hidden, cell) before the first symbol: zeros."""
        zeros = self.wh.new_zeros(rows, self.width)
        return zeros, zeros

    def prepare(self, embeddings: Tensor) -> Recurrence:
        """Return the weights of a window for the embeddings (symbols, inputs) of the alphabet."""
        return Recurrence(embeddings @ normalised(self.wx, self.gx) + self.b, normalised(self.wh, self.gh))

    def forward(self, ids: Tensor, embeddings: Tensor, state: State) -> tuple[Tensor, Tensor]:
        """Read `ids` (batch, length) from `state` on; return hidden states and cells, both (batch, length, width)."""
        with torch.autocast(ids.device.type, enabled=False):
            weights = self.prepare(embeddings)
        return read(ids, weights, state)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the directions of all columns uniformly; gains are 1, biases 0."""
        for name, parameter in self.named_parameters():
            if name == "b":
                nn.init.zeros_(parameter)
            elif name.startswith("g"):
                nn.init.ones_(parameter)
            else:
                nn.init.normal_(parameter, std=parameter.shape[0] ** -0.5)


class MultiplicativeLstmLayer(ByteLstmLayer):
    """One weight-normalised multiplicative LSTM layer over the embeddings of symbols."""

    def __init__(self, inputs: int, width: int) -> None:
        """Set the widths of the embeddings and of the states."""
        super().__init__(inputs, width)
        self.wmx, self.gmx = _weights(inputs, width)
        self.wmh, self.gmh = _weights(width, width)

    def prepare(self, embeddings: Tensor) -> Recurrence:
        """Return the weights of a window for the embeddings (symbols, inputs) of the alphabet."""
        plain = super().prepare(embeddings)
        return Recurrence(plain.gates, plain.recurrent, embeddings @ normalised(self.wmx, self.gmx),
                          normalised(self.wmh, self.gmh))


def _weights(inputs: int, outputs: int) -> tuple[nn.Parameter, nn.Parameter]:
    return nn.Parameter(torch.empty(inputs, outputs)), nn.Parameter(torch.empty(outputs))


def normalised(weight: Tensor, gain: Tensor) -> Tensor:
    """Return (inputs, outputs) weights whose columns have the lengths `gain`."""
    return weight * (gain / weight.norm(dim=0))


def read(ids: Tensor, weights: Recurrence, state: State) -> tuple[Tensor, Tensor]:
    """Return hidden states and cells (batch, length, width) after each of `ids` (batch, length).

    With gradients the products are those of `_Window`; their number format is autocast's where that is on.
    """
    device = ids.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weights.gates.dtype
    hidden, cell = (part.to(weights.gates.dtype) for part in state)
    hidden, cell = _Window.apply(ids.t().contiguous(), weights.gates, weights.recurrent, weights.factors,
                                 weights.factor_recurrent, hidden, cell, dtype)
    return hidden.transpose(0, 1), cell.transpose(0, 1)


def step(ids: Tensor, weights: Recurrence, state: State, clamp: Clamp = FREE) -> State:
    """Read one symbol per row, `ids` (rows,), by the equations as they stand; the reference of `read`.

    Args:
        ids: (rows,).
        weights: see `Recurrence`.
        state: hidden state and cell before, (rows, width).
        clamp: units with a fixed value.
    """
    hidden, cell = state
    entry = hidden
    if weights.factors is not None and weights.factor_recurrent is not None:
        entry = weights.factors[ids] * (hidden @ weights.factor_recurrent)
    enter, keep, leave, new = (weights.gates[ids] + entry @ weights.recurrent).chunk(4, -1)
    cell = clamp.cell(keep.sigmoid() * cell + enter.sigmoid() * new.tanh())
    return clamp.hidden(leave.sigmoid() * cell.tanh()), cell


class _Window(torch.autograd.Function):
    """All steps of a window (see the module): ids (length, batch); states and gates (length, batch, ...)."""

    @staticmethod
    def forward(ctx: Any, ids: Tensor, gates: Tensor, recurrent: Tensor, factors: Tensor | None,  # type: ignore[override]
                factor_recurrent: Tensor | None, hidden: Tensor, cell: Tensor, dtype: torch.dtype
                ) -> tuple[Tensor, Tensor]:
        length, (rows, width) = len(ids), hidden.shape
        learns = any(ctx.needs_input_grad)
        states, cells = gates.new_empty(length + 1, rows, width), gates.new_empty(length + 1, rows, width)
        states[0], cells[0] = hidden, cell
        kept = gates.new_empty(length if learns else 1, rows, 4 * width)
        entries = gates.new_empty(length if learns and factors is not None else 1, rows, width)
        wide, narrow = recurrent.to(dtype), None if factor_recurrent is None else factor_recurrent.to(dtype)
        for position in range(length):
            place, before = position if learns else 0, states[position]
            entry = before
            if factors is not None and narrow is not None:
                entries[place] = torch.mm(before.to(dtype), narrow)
                entry = entries[place] * factors[ids[position]]
            gate = kept[place]
            torch.index_select(gates, 0, ids[position], out=gate)
            if dtype == gates.dtype:
                gate.addmm_(entry, wide)
            else:
                gate += torch.mm(entry.to(dtype), wide)
            gate[:, :3 * width].sigmoid_()
            gate[:, 3 * width:].tanh_()
            enter, keep, leave, new = gate.chunk(4, 1)
            after = torch.mul(keep, cells[position], out=cells[position + 1])
            after.addcmul_(enter, new)
            torch.mul(leave, after.tanh(), out=states[position + 1])
        ctx.save_for_backward(ids, gates, recurrent, factors, factor_recurrent, states, cells, kept, entries)
        ctx.dtype = dtype
        return states[1:], cells[1:]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        ids, gates, recurrent, factors, factor_recurrent, states, cells, kept, entries = ctx.saved_tensors
        of_states, of_cells = gradients
        length, rows, width = of_states.shape
        wide = recurrent.t().contiguous().to(ctx.dtype)
        narrow = None if factors is None else factor_recurrent.t().contiguous().to(ctx.dtype)
        of_gates = torch.empty_like(kept)
        of_factors, of_entries = (torch.empty_like(entries) if factors is not None else None for _ in range(2))
        hidden, cell = torch.zeros_like(states[0]), torch.zeros_like(cells[0])
        for position in range(length - 1, -1, -1):
            enter, keep, leave, new = kept[position].chunk(4, 1)
            hidden = hidden + of_states[position]
            shown = cells[position + 1].tanh()
            cell = cell + of_cells[position] + hidden * leave * (1 - shown * shown)
            to_enter, to_keep, to_leave, to_new = of_gates[position].chunk(4, 1)
            to_enter.copy_(cell * new * enter * (1 - enter))
            to_keep.copy_(cell * cells[position] * keep * (1 - keep))
            to_leave.copy_(hidden * shown * leave * (1 - leave))
            to_new.copy_(cell * enter * (1 - new * new))
            cell = cell * keep
            hidden = torch.mm(of_gates[position].to(ctx.dtype), wide).to(gates.dtype)
            if factors is not None:
                torch.mul(hidden, entries[position], out=of_factors[position])
                torch.mul(hidden, factors[ids[position]], out=of_entries[position])
                hidden = torch.mm(of_entries[position].to(ctx.dtype), narrow).to(gates.dtype)
        flat, before = ids.flatten(), states[:-1].reshape(-1, width)
        found: list[Tensor | None] = [None, _by_symbol(of_gates, flat, gates)]
        if factors is None:
            found += [_product(before, of_gates, ctx.dtype), None, None]
        else:
            read = (entries * factors[ids]).reshape(-1, width)
            found += [_product(read, of_gates, ctx.dtype), _by_symbol(of_factors, flat, factors),
                      _product(before, of_entries, ctx.dtype)]
        return (*found, hidden, cell, None)


def _by_symbol(gradient: Tensor, ids: Tensor, table: Tensor) -> Tensor:
    """Return the gradient (symbols, width) of a table from that of its rows, (length, batch, width)."""
    return torch.zeros_like(table).index_add_(0, ids, gradient.reshape(len(ids), -1))


def _product(states: Tensor, gradient: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the gradient of a matrix: (steps, inputs) states times the gradient (length, batch, outputs)."""
    flat = gradient.reshape(len(states), -1)
    return torch.mm(states.t().to(dtype), flat.to(dtype)).to(states.dtype)
