"""Say what length limits left out: in the log, in the summary of a stage, on standard error."""

from __future__ import annotations

from collections.abc import Mapping

from jptransfer.runtime import Runtime
from jptransfer.text.cuts import Cut


def report_cuts(cuts: Mapping[str, Cut], runtime: Runtime) -> dict[str, dict[str, int]]:
    """Print one line if anything was left out of any split; return split -> counts for the stage's summary.

    Splits that no limit applies to are left out.
    """
    said = "; ".join(f"{split}: {cut.sentence()}" for split, cut in cuts.items() if cut)
    if said:
        runtime.progress.log(f"cut: {said}")
    return {split: cut.describe() for split, cut in cuts.items() if cut.texts}
