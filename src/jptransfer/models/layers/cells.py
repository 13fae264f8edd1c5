"""Recurrent layers that carry a state, and the dropouts of AWD-LSTM (Merity et al. 2018, section 4).

A state is a tuple of tensors (rows, ...), so that the rows of some sequences can be selected and put back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

State = tuple[Tensor, ...]


@dataclass(frozen=True)
class Clamp:
    """A unit that has a fixed value after every step (Radford et al. 2017, section 4.5).

    Attributes:
        unit: its number, from 0; None: no unit is fixed.
        value: its value.
        of_cell: whether the unit's cell is fixed, and the hidden state follows from it; else the hidden state is.
    """

    unit: int | None = None
    value: float = 0.0
    of_cell: bool = True

    def cell(self, cell: Tensor) -> Tensor:
        """Return a step's cells (rows, width) as the rest of the step uses them."""
        return self._fixed(cell) if self.of_cell else cell

    def hidden(self, hidden: Tensor) -> Tensor:
        """Return a step's hidden states (rows, width) as the next layer and the next step read them."""
        return hidden if self.of_cell else self._fixed(hidden)

    def _fixed(self, states: Tensor) -> Tensor:
        if self.unit is not None:
            states = states.clone()
            states[:, self.unit] = self.value
        return states


FREE = Clamp()
"""No unit is fixed."""


def variational_dropout(states: Tensor, rate: float, training: bool) -> Tensor:
    """Drop features of `states` (batch, length, width) with one mask for all positions of a row (section 4.2)."""
    if not training or not rate:
        return states
    return states * F.dropout(states.new_ones(len(states), 1, states.shape[-1]), rate)


def embed(table: nn.Embedding, ids: Tensor, rate: float, training: bool) -> Tensor:
    """Look up `ids` (batch, length) with dropout of whole table rows: a token is dropped at all its positions (4.3)."""
    found = table(ids)
    if not training or not rate:
        return found
    return found * F.dropout(found.new_ones(table.num_embeddings), rate)[ids].unsqueeze(-1)


class LstmLayer(nn.Module):
    """One LSTM layer, one fused call per window; each call draws a new dropout mask for the hidden matrix (4.1)."""

    def __init__(self, inputs: int, width: int, window: int = 1) -> None:
        """Set the widths of inputs and states; `window` is ignored, because an LSTM reads one input at a time."""
        super().__init__()
        self.width = width
        self.weight_ih = nn.Parameter(torch.empty(4 * width, inputs))
        self.weight_hh = nn.Parameter(torch.empty(4 * width, width))
        self.bias_ih = nn.Parameter(torch.empty(4 * width))
        self.bias_hh = nn.Parameter(torch.empty(4 * width))

    def start(self, inputs: Tensor) -> State:
        """Return the state (hidden, cell) before the first input."""
        zeros = inputs.new_zeros(len(inputs), self.width)
        return zeros, zeros

    def forward(self, inputs: Tensor, state: State, weight_dropout: float = 0.0) -> tuple[Tensor, State]:
        """Read `inputs` (batch, length, inputs) from `state` on; return all states (batch, length, width), the last."""
        recurrent = F.dropout(self.weight_hh, weight_dropout, self.training)
        weights = [self.weight_ih, recurrent, self.bias_ih, self.bias_hh]
        before = [part.to(inputs.dtype).unsqueeze(0).contiguous() for part in state]
        # inputs, state, weights, biases?, layers, dropout between them, training, bidirectional?, batch first?
        states, hidden, cell = torch.lstm(inputs, before, weights, True, 1, 0.0, self.training, False, True)
        return states, (hidden[0], cell[0])

    def step(self, inputs: Tensor, state: State, clamp: Clamp = FREE) -> tuple[Tensor, State]:
        """Read one input per row, (rows, inputs), without dropout; return the output (rows, width) and the state."""
        gates = F.linear(inputs, self.weight_ih, self.bias_ih) + F.linear(state[0], self.weight_hh, self.bias_hh)
        enter, keep, new, leave = gates.chunk(4, -1)
        cell = clamp.cell(keep.sigmoid() * state[1] + enter.sigmoid() * new.tanh())
        hidden = clamp.hidden(leave.sigmoid() * cell.tanh())
        return hidden, (hidden, cell)

    def reset_parameters(self) -> None:
        """Draw all weights from U(-1/sqrt(width), 1/sqrt(width)), as PyTorch's own LSTM does."""
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(self.width ** -0.5), self.width ** -0.5)


class StepWeights(NamedTuple):
    """An LSTM's weights in the layout of `lstm_steps`, gates in the order input, forget, output, new.

    Attributes:
        inputs: (4 * width, inputs).
        bias: (4 * width,), the sum of torch's two biases.
        recurrent: (width, 4 * width), contiguous: for few rows up to 1.8 times as fast as a transposed view.
    """

    inputs: Tensor
    bias: Tensor
    recurrent: Tensor

    @classmethod
    def of(cls, net: Any) -> StepWeights:
        """Convert the weights of torch's layer."""
        parts = (net.weight_ih_l0, net.bias_ih_l0 + net.bias_hh_l0, net.weight_hh_l0)
        inputs, bias, recurrent = (torch.cat([part.chunk(4)[gate] for gate in (0, 1, 3, 2)]) for part in parts)
        return cls(inputs, bias, recurrent.t().contiguous())


def lstm_steps(gates: Iterable[Tensor], recurrent: Tensor) -> Tensor:
    """Return the states (rows of all steps, width) of an LSTM that starts from zeros, without gradients.

    Args:
        gates: W x + b of each step, (rows, 4 * width), in the order of `StepWeights`; changed in place. Row i
            continues row i of the previous step, so the number of rows must not grow.
        recurrent: (width, 4 * width).
    """
    width = len(recurrent)
    hidden = cell = recurrent.new_empty(0, width)
    states = [hidden]
    for gate in gates:
        rows = gate.shape[0]
        if hidden.shape[0]:
            gate.addmm_(hidden[:rows], recurrent)
        gate.narrow(1, 0, 3 * width).sigmoid_()
        enter, keep, leave, new = gate.chunk(4, 1)
        after = new.tanh_() * enter
        if cell.shape[0]:
            after.addcmul_(keep, cell[:rows])
        hidden, cell = after.tanh().mul_(leave), after
        states.append(hidden)
    return torch.cat(states)


class QrnnLayer(nn.Module):
    """One quasi-recurrent layer with fo-pooling (Bradbury et al. 2017, equations 2 to 4).

    Gates come from a convolution over `window` inputs, one matrix product for all positions. The remaining recurrence
    is h_t = f_t z_t + (1 - f_t) h_{t-1}, and the output is o_t h_t.
    """

    def __init__(self, inputs: int, width: int, window: int = 1) -> None:
        """Set the widths of inputs and states, and the number of inputs (1 or 2) that a gate reads."""
        super().__init__()
        self.width, self.window = width, window
        self.weight = nn.Parameter(torch.empty(3 * width, window * inputs))
        self.bias = nn.Parameter(torch.empty(3 * width))

    def start(self, inputs: Tensor) -> State:
        """Return the state before the first input: h, and with a window of two the previous input."""
        hidden = inputs.new_zeros(len(inputs), self.width)
        return (hidden,) if self.window == 1 else (hidden, inputs.new_zeros(len(inputs), inputs.shape[-1]))

    def forward(self, inputs: Tensor, state: State, weight_dropout: float = 0.0) -> tuple[Tensor, State]:
        """Read `inputs` (batch, length, inputs) from `state` on; return all states (batch, length, width), the last."""
        source = inputs
        if self.window == 2:
            before = torch.cat((state[1].to(inputs.dtype).unsqueeze(1), inputs[:, :-1]), 1)
            source = torch.cat((before, inputs), -1)
        weight = F.dropout(self.weight, weight_dropout, self.training)
        # Positions first: each step of the recurrence then works on contiguous memory.
        candidate, forget, output = F.linear(source.transpose(0, 1), weight, self.bias).float().chunk(3, -1)
        hidden: Tensor = forget_mult(candidate.tanh(), forget.sigmoid(), state[0].float())
        states = (output.sigmoid() * hidden).transpose(0, 1)
        return states, (hidden[-1], inputs[:, -1])[:self.window]

    def step(self, inputs: Tensor, state: State, clamp: Clamp = FREE) -> tuple[Tensor, State]:
        """Read one input per row, (rows, inputs), without dropout; return the output (rows, width) and the state.

        Of a unit, the cell is h in the equations, and the hidden state is the output.
        """
        source = inputs if self.window == 1 else torch.cat((state[1], inputs), -1)
        candidate, forget, output = F.linear(source, self.weight, self.bias).chunk(3, -1)
        cell = clamp.cell(torch.lerp(state[0], candidate.tanh(), forget.sigmoid()))
        return clamp.hidden(output.sigmoid() * cell), (cell, inputs)[:self.window]

    def reset_parameters(self) -> None:
        """Draw weights and biases from U(-1/sqrt(n), 1/sqrt(n)) with n inputs per gate, as in a linear layer."""
        bound = self.weight.shape[1] ** -0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)


class _ForgetMult(torch.autograd.Function):
    """The recurrence with one kernel per position and direction, instead of a graph of several operations."""

    @staticmethod
    def forward(ctx: Any, candidate: Tensor, forget: Tensor, start: Tensor) -> Tensor:
        states = torch.empty_like(candidate)
        before = start
        for position in range(len(candidate)):
            before = torch.lerp(before, candidate[position], forget[position], out=states[position])
        ctx.save_for_backward(candidate, forget, start, states)
        return states

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        candidate, forget, start, states = ctx.saved_tensors
        keep = 1 - forget
        total = gradient.clone()
        for position in range(len(total) - 1, 0, -1):
            total[position - 1].addcmul_(total[position], keep[position])
        before = torch.cat((start[None], states[:-1]))
        return total * forget, total * (candidate - before), total[0] * keep[0]


def forget_mult(candidate: Tensor, forget: Tensor, start: Tensor) -> Tensor:
    """Return h_t = f_t z_t + (1 - f_t) h_{t-1} for all t: (length, batch, width), from h_0 = `start` (batch, width)."""
    return _ForgetMult.apply(candidate.contiguous(), forget.contiguous(), start)  # type: ignore[no-any-return]


CELLS: dict[str, type[LstmLayer] | type[QrnnLayer]] = {"lstm": LstmLayer, "qrnn": QrnnLayer}
"""Layers by the value of `cell`."""
