"""The results as tables: the comparison of rows, further metrics, paired tests, scores by label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jptransfer.evaluation.aggregate import Aggregate, aggregate
from jptransfer.report import numbers
from jptransfer.report.results import Results, RowResult, gains
from jptransfer.report.sources import Source
from jptransfer.report.tables import NOTHING, Cell, Column, Table, text_table, without_empty_columns
from jptransfer.text.cuts import Cut

BETTER, WORSE = "↑", "↓"


def results_table(results: Results) -> Table:
    """Return the main table: a row each with runs, score, spread, difference to the baseline and p-value."""
    metric = results.metric.name
    columns = [Column("row", "row"), Column("runs", "runs", True), Column(metric, numbers.title(metric), True),
               Column("interval", f"{results.confidence:.0%} interval", True), Column("sd", "SD", True),
               Column("trimmed", "trimmed", True), Column("validation", "validation", True),
               Column("oracle_epoch", f"best {results.split} epoch", True),
               Column("difference", f"Δ {results.baseline}", True), Column("p", "p", True)]
    rows = [_cells(results, row) for row in results.rows]
    title = f"{numbers.title(metric)} on {results.task} ({results.split})"
    return without_empty_columns(Table(title, columns, rows, caption(results)))


def _cells(results: Results, row: RowResult) -> list[Cell]:
    metric, spread = results.metric.name, row.score
    best = row.score.mean == results.best.score.mean and len(results.rows) > 1
    several = len(spread.values) > 1
    collapsed = f" ({len(row.collapsed)} collapsed)" if row.collapsed else ""
    return [
        Cell(row.name, row.name, bold=best),
        Cell(f"{len(row.runs)}{collapsed}", len(row.runs), values={"collapsed": len(row.collapsed)}),
        Cell(numbers.score(spread.mean, metric), spread.mean, bold=best),
        _interval_cell(row.interval, metric),
        Cell(numbers.score(spread.std, metric), spread.std) if several else NOTHING,
        NOTHING if spread.trimmed is None else Cell(numbers.score(spread.trimmed, metric), spread.trimmed),
        _mean_cell(row.validation, metric),
        _mean_cell(row.metrics.get(numbers.of_best_epoch(metric, results.split)), metric),
        _difference_cell(results, row), _p_cell(row)]


def _interval_cell(limits: tuple[float, float] | None, metric: str) -> Cell:
    if limits is None:
        return NOTHING
    return Cell(numbers.interval(limits, metric), values={"low": limits[0], "high": limits[1]})


def _mean_cell(spread: Aggregate | None, metric: str) -> Cell:
    return NOTHING if spread is None else Cell(numbers.score(spread.mean, metric), spread.mean)


def _difference_cell(results: Results, row: RowResult) -> Cell:
    found, metric = row.comparison, results.metric.name
    if found is None:
        return NOTHING
    limits = found.interval
    text = f"{numbers.difference(found.difference, metric)} {numbers.interval(limits, metric, signed=True)}".strip()
    mark = (BETTER if found.b_is_better else WORSE) if results.significant(row) else ""
    return Cell(text, found.difference, mark=mark, values={"low": limits[0], "high": limits[1]} if limits else {})


def _p_cell(row: RowResult) -> Cell:
    return NOTHING if row.comparison is None else Cell(numbers.p_value(row.comparison.p_value), row.comparison.p_value)


def caption(results: Results) -> str:
    """Return what the numbers and signs of the main table mean."""
    metric, examples = results.metric, numbers.count(results.examples, "example")
    parts = [f"{examples} of split {results.split}; mean over runs (seeds); "
             f"{'higher' if metric.higher_is_better else 'lower'} is better; bold: best"]
    if numbers.is_share(metric.name):
        parts[0] = "Points of 100. " + parts[0]
    if any(row.interval for row in results.rows):
        parts.append(_intervals(results))
    if any(row.collapsed for row in results.rows):
        parts.append("Collapsed: runs that give one answer to every example, or numbers worse than their mean")
    if any(row.score.trimmed is not None for row in results.rows):
        parts.append("Trimmed: without the best and the worst run")
    if any(numbers.of_best_epoch(metric.name, results.split) in row.metrics for row in results.rows):
        parts.append(f"Best {results.split} epoch: of the epoch that is best on this very split, as some papers "
                     "report; all other numbers are of the epoch chosen on the validation split")
    if len(results.rows) > 1:
        level = f"{1 - results.confidence:.3g}".lstrip("0")
        parts.append("p: paired approximate randomisation over examples, with the seeds that were run, not corrected "
                     f"for several comparisons. {BETTER} / {WORSE}: better / worse than {results.baseline}, "
                     f"p < {level}, and with several seeds an interval without zero{_without(results)}")
    return ". ".join(parts) + "."


def _without(results: Results) -> str:
    """Return what follows where comparisons over several seeds have no interval."""
    found = [row.comparison for row in results.rows if row.comparison]
    lacking = any(one.interval is None and one.hidden_by_seeds for one in found)
    return ", which report.bootstrap=0 leaves out" if lacking else ""


def _intervals(results: Results) -> str:
    """Return what the intervals of the main table cover and how they are found."""
    runs = {len(row.runs) for row in results.rows}
    one, several = ("bootstrap over examples",
                    "over examples and seeds (variance of the mean over seeds and of the bootstrap over examples, "
                    "Welch-Satterthwaite)")
    if max(runs) == 1:
        return f"Intervals: {results.confidence:.0%}, {one}; they do not cover other seeds"
    return f"Intervals: {results.confidence:.0%}, {several}" + (f"; of single runs {one} alone" if 1 in runs else "")


def metrics_table(results: Results) -> Table:
    """Return every stored metric: mean over runs ± standard deviation."""
    names = [name for name in results.rows[0].metrics if all(name in row.metrics for row in results.rows)]
    columns = [Column("row", "row"), *(Column(name, numbers.title(name), True) for name in names)]
    rows = [[row.name, *(_spread_cell(row.metrics[name], name) for name in names)] for row in results.rows]
    title = f"All metrics on {results.task} ({results.split})"
    return text_table(title, columns, rows, "Mean over runs ± standard deviation.")


def _spread_cell(spread: Aggregate, metric: str) -> Cell:
    text = numbers.score(spread.mean, metric)
    several = len(spread.values) > 1
    text += f" ± {numbers.score(spread.std, metric)}" if several else ""
    return Cell(text, spread.mean, values={"sd": spread.std})


def tests_table(results: Results) -> Table:
    """Return the paired tests of every row against the baseline, with the number of examples behind them."""
    rows = [line for row in results.rows for line in _test_lines(results, row)]
    columns = [Column("comparison", "comparison"), Column("test", "test"), Column("p", "p", True),
               Column("better", "examples better", True), Column("worse", "examples worse", True)]
    return text_table(f"Paired tests on {results.task} ({results.split})", columns, rows,
                      "Two-sided; an example with all its seeds is one unit. Not corrected for several comparisons.")


def _test_lines(results: Results, row: RowResult) -> Iterator[list[Any]]:
    found = row.comparison
    if found:
        for test in found.tests:
            p_value = Cell(numbers.p_value(test.p_value), test.p_value)
            yield [f"{row.name} – {results.baseline}", test.name, p_value, *gains(found)]


def gains_table(results: Results, row: RowResult, training: Mapping[str, int]) -> Table:
    """Return F1 of each label or entity type in the baseline and in one row, and what the row gains.

    Args:
        training: how often each label is in the training split.
    """
    found = row.comparison.labels if row.comparison else []
    columns = [Column("label", "label"), Column("training", "in training", True), Column("support", "support", True),
               Column("baseline", f"F1 {results.baseline}", True), Column("row", f"F1 {row.name}", True),
               Column("difference", f"Δ {results.baseline}", True)]
    rows = [[one.label, training.get(one.label, NOTHING), one.support,
             Cell(numbers.points(one.a), one.a), Cell(numbers.points(one.b), one.b),
             Cell(numbers.difference(one.difference, "entity_f1"), one.difference)] for one in found]
    return without_empty_columns(text_table(
        f"Gains by label: {row.name} – {results.baseline}", columns, rows,
        "Points of 100, mean over runs; in training, support: gold decisions in the training and the scored split."))


def cut_table(results: Results, task_models: Mapping[str, Source | None]) -> Table | None:
    """Return what length limits left out of the texts of each row and split; None if nothing was.

    Args:
        task_models: row -> the first of its task models.
    """
    columns = [Column("row", "row"), Column("split", "split"), Column("limit", "max length", True),
               Column("texts", "texts", True), Column("texts_cut", "texts cut", True),
               Column("tokens_cut", "tokens lost", True), Column("share", "share of tokens", True),
               Column("characters_cut", "characters lost in long words", True)]
    rows = []
    for row in results.rows:
        model = task_models.get(row.name)
        sources = [source for source in (model, row.runs[0].evaluation) if source]
        counts = {split: found for source in sources
                  for split, found in source.manifest.summary.get("values", {}).get("truncation", {}).items()}
        for split, found in counts.items():
            if cut := Cut(**found):
                share = Cell(f"{cut.share:.1%}", cut.share) if cut.tokens else NOTHING
                rows.append([row.name, split, cut.limit, cut.texts, cut.texts_cut, cut.tokens_cut, share,
                             cut.characters_cut])
    caption = "What was longer than finetuning's max_length, or in words longer than max_characters, was not read."
    return text_table(f"Cut texts of {results.task}", columns, rows, caption) if rows else None


def label_table(results: Results, row: RowResult) -> Table | None:
    """Return precision, recall, F1 (mean over runs) and support of each label or entity type; None without labels."""
    found = [evaluation.details[results.split].get("per_label", {}) for evaluation in row.evaluations]
    if not found[0]:
        return None
    scores = ("precision", "recall", "f1")
    names = (*scores, "support")
    columns = [Column("label", "label"), *(Column(name, name.replace("f1", "F1"), True) for name in names)]
    rows = []
    for label, entry in found[0].items():
        means = [aggregate([table[label][name] for table in found]).mean for name in scores]
        rows.append([label, *(Cell(numbers.points(mean), mean) for mean in means), int(entry["support"])])
    return text_table(f"By label: {row.name}", columns, rows, "Points of 100, mean over runs; support: gold decisions.")


def residual_table(results: Results) -> Table | None:
    """Return how far predicted numbers are off, a row each (mean over runs); None if the task has no numbers."""
    found = {row.name: [one.details[results.split].get("residuals") for one in row.evaluations] for row in results.rows}
    if not all(all(tables) for tables in found.values()):
        return None
    names = {"mean": "mean", "sd": "SD", "mean_absolute": "mean absolute", "min": "lowest", "q1": "first quartile",
             "median": "median", "q3": "third quartile", "max": "highest"}
    columns = [Column("row", "row"), *(Column(name, title, True) for name, title in names.items())]
    rows = [[row, *(aggregate([table[name] for table in tables if table]).mean for name in names)]
            for row, tables in found.items()]
    return text_table(f"Residuals on {results.task} ({results.split})", columns, rows,
                      "Predicted less gold, mean over runs; a negative mean: predictions are too low.")
