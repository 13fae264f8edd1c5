"""A small fixed set of shapes, for devices that compile anew for every shape (XLA, torch.compile)."""

from __future__ import annotations

from dataclasses import dataclass

STEP = 8


@dataclass(frozen=True)
class Shapes:
    """Rectangles that parts of at most `part_tokens` tokens are padded to.

    Widths are multiples of 8. The rows of a width are as many as a part of it can have, halved while the part still
    fits: almost all parts of a width get one shape.
    """

    part_tokens: int

    def rectangle(self, rows: int, width: int) -> tuple[int, int]:
        """Return the rows and the width that `rows` sequences of at most `width` tokens are padded to."""
        bucket = -(-width // STEP) * STEP
        height = max(1, self.part_tokens // (bucket - STEP + 1))
        while height // 2 >= rows:
            height //= 2
        return max(height, rows), bucket
