"""A small fixed set of shapes, for devices that compile again for every new shape (XLA, torch.compile)."""

from __future__ import annotations

from dataclasses import dataclass

STEP = 8


@dataclass(frozen=True)
class Shapes:
    """Shapes to which parts of at most `part_tokens` tokens are padded.

    Widths are multiples of 8. The number of rows is the largest that a part of this width can have, halved while the
    part still fits. So almost all parts of a width get the same shape.
    """

    part_tokens: int

    def rectangle(self, rows: int, width: int) -> tuple[int, int]:
        """Return the (rows, width) to which `rows` sequences of at most `width` tokens are padded."""
        bucket = -(-width // STEP) * STEP
        height = max(1, self.part_tokens // (bucket - STEP + 1))
        while height // 2 >= rows:
            height //= 2
        return max(height, rows), bucket
