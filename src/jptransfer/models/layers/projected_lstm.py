"""LSTM with states projected to a smaller width (Sak et al. 2014), and cells and projections clipped as in ELMo.

i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of W x_t + U h_{t-1} + b; c_t = clip(f c_{t-1} + i g);
h_t = clip(P (o tanh c_t)).
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jptransfer.models.layers.cells import State

warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")  # as fast there without

BLOCK = 64
"""Number of steps whose gates are in memory at once (if no gradients keep them)."""


class ProjectedLstmLayer(nn.Module):
    """One layer: one fused call per window without clipping, a loop over the window's steps with clipping."""

    def __init__(self, inputs: int, width: int, projection: int, cell_clip: float = 0.0,
                 projection_clip: float = 0.0) -> None:
        """Set the widths of inputs, cells and states, and the clipping limits of cells and states (0: no limit)."""
        super().__init__()
        self.width, self.projection, self.clips = width, projection, (cell_clip, projection_clip)
        self.weight_ih = nn.Parameter(torch.empty(4 * width, inputs))
        self.weight_hh = nn.Parameter(torch.empty(4 * width, projection))
        self.bias = nn.Parameter(torch.empty(4 * width))
        self.weight_hr = nn.Parameter(torch.empty(projection, width))

    def start(self, inputs: Tensor) -> State:
        """Return the state (hidden, cell) before the first input."""
        return inputs.new_zeros(len(inputs), self.projection), inputs.new_zeros(len(inputs), self.width)

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Read `inputs` (batch, length, inputs) from `state` on; return states (batch, length, projection), the last.
        """
        if not any(self.clips):
            return self._fused(inputs, state)
        hidden, cell = (part.float() for part in state)
        read = []
        # Positions first: each step then works on contiguous memory.
        for block in inputs.transpose(0, 1).split(BLOCK):
            gates = F.linear(block, self.weight_ih, self.bias).float()
            states, cell = clipped_lstm(gates, hidden, cell, self.weight_hh, self.weight_hr, *self.clips)
            hidden = states[-1]
            read.append(states)
        return torch.cat(read).transpose(0, 1), (hidden, cell)

    def _fused(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        weights = [self.weight_ih, self.weight_hh, self.bias, torch.zeros_like(self.bias), self.weight_hr]
        before = [part.to(inputs.dtype).unsqueeze(0).contiguous() for part in state]
        # inputs, state, weights, biases?, layers, dropout between them, training, bidirectional?, batch first?
        states, hidden, cell = torch.lstm(inputs, before, weights, True, 1, 0.0, self.training, False, True)
        return states, (hidden[0], cell[0])

    def reset_parameters(self) -> None:
        """Draw weights as in Glorot and Bengio (2010); biases are zero, except one for the forget gate."""
        pairs = sum(self.weight_ih.shape) + self.projection
        for weight, bound in ((self.weight_ih, pairs), (self.weight_hh, pairs),
                              (self.weight_hr, self.width + self.projection)):
            nn.init.uniform_(weight, -math.sqrt(6 / bound), math.sqrt(6 / bound))
        nn.init.zeros_(self.bias)
        if not getattr(self.bias, "_is_hf_initialized", False):
            nn.init.ones_(self.bias[self.width:2 * self.width])


def _open_gates(gates: Tensor) -> tuple[Tensor, ...]:
    """Activate an LSTM's gates (rows, 4, width) in place; return input, forget, new, output, (rows, width) each."""
    gates[:, :2].sigmoid_()
    gates[:, 2].tanh_()
    gates[:, 3].sigmoid_()
    return gates.unbind(1)


class _ClippedLstm(torch.autograd.Function):
    """The recurrence; gradients of weights are one product over all steps instead of a sum of one per step."""

    @staticmethod
    def forward(ctx: Any, gates: Tensor, hidden: Tensor, cell: Tensor, weight_hh: Tensor, weight_hr: Tensor,
                cell_clip: float, state_clip: float) -> tuple[Tensor, Tensor]:
        length, rows, _ = gates.shape
        gates = gates.contiguous().clone().view(length, rows, 4, -1)
        cells = gates.new_empty(length + 1, rows, weight_hr.shape[1])
        states = gates.new_empty(length + 1, rows, len(weight_hr))
        states[0], cells[0] = hidden, cell
        recurrent, project = weight_hh.t(), weight_hr.t()
        for step in range(length):
            gate, after = gates[step], cells[step + 1]
            gate.view(rows, -1).addmm_(states[step], recurrent)
            enter, keep, new, leave = _open_gates(gate)
            torch.mul(keep, cells[step], out=after)
            after.addcmul_(enter, new)
            _clip(after, cell_clip)
            torch.mm(after.tanh().mul_(leave), project, out=states[step + 1])
            _clip(states[step + 1], state_clip)
        ctx.save_for_backward(gates, states, cells, weight_hh, weight_hr)
        ctx.clips = cell_clip, state_clip
        return states[1:].clone(), cells[-1].clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, d_cell: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        gates, states, cells, weight_hh, weight_hr = ctx.saved_tensors
        (enter, keep, new, leave), squashed = gates.unbind(2), cells[1:].tanh()
        # Factors that do not depend on later steps are computed for all steps at once, outside the loop.
        slopes = torch.stack((new * enter * (1 - enter), cells[:-1] * keep * (1 - keep), enter * (1 - new.square()),
                              squashed * leave * (1 - leave)), 2)
        into_cell = leave * (1 - squashed.square())
        free_cells, free_states = (_free(part[1:], clip) for part, clip in zip((cells, states), ctx.clips, strict=True))
        d_states, d_cell = gradient.clone(), d_cell.clone()
        for step in range(len(gates) - 1, -1, -1):
            d_state, slope = d_states[step], slopes[step]
            if free_states is not None:
                d_state *= free_states[step]
            d_out = d_state @ weight_hr
            d_cell.addcmul_(d_out, into_cell[step])
            if free_cells is not None:
                d_cell *= free_cells[step]
            slope[:, :3] *= d_cell.unsqueeze(1)
            slope[:, 3] *= d_out
            d_cell *= keep[step]
            d_hidden = slope.flatten(1) @ weight_hh
            if step:
                d_states[step - 1] += d_hidden
        flat = slopes.flatten(0, 1).flatten(1)
        d_hh = flat.t() @ states[:-1].flatten(0, 1)
        d_hr = d_states.flatten(0, 1).t() @ squashed.mul_(leave).flatten(0, 1)
        return slopes.flatten(2), d_hidden, d_cell, d_hh, d_hr, None, None


@torch.compiler.disable  # the compiler would unroll the steps, which takes minutes
def clipped_lstm(gates: Tensor, hidden: Tensor, cell: Tensor, weight_hh: Tensor, weight_hr: Tensor, cell_clip: float,
                 state_clip: float) -> tuple[Tensor, Tensor]:
    """Return states (length, batch, projection) and the last cell (batch, width).

    Args:
        gates: (length, batch, 4 * width) W x + b, in the order input, forget, new, output.
        hidden, cell: (batch, projection), (batch, width) before the first step.
        weight_hh: (4 * width, projection) U.
        weight_hr: (projection, width) P.
        cell_clip, state_clip: maximum absolute values; 0: no limit.
    """
    return _ClippedLstm.apply(gates, hidden, cell, weight_hh, weight_hr, cell_clip, state_clip)  # type: ignore


def _clip(values: Tensor, limit: float) -> None:
    if limit:
        values.clamp_(-limit, limit)


def _free(values: Tensor, limit: float) -> Tensor | None:
    """Return 1 where `values` were not clipped and 0 where they were; None without a limit."""
    return (values.abs() < limit).to(values.dtype) if limit else None
