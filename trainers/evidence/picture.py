"""A table of results as a picture: every seed, the mean with its interval, the published value."""

import textwrap
from collections.abc import Sequence

from matplotlib.figure import Figure

from trainers.evidence import cells
from trainers.evidence.rows import Row

# Told apart by form as well as by colour, and in print: blue and orange of Okabe and Ito.
_OURS = "#0072B2"
_PUBLISHED = "#D55E00"
_INCHES_A_ROW = 0.3
_INCHES_A_LINE = 0.13
_LINE = 32  # Characters of a name.


def draw(rows: Sequence[Row]) -> Figure:
    """Draws a panel a task, a line a row.

    Args:
        rows: at least one, each with an accuracy.
    """
    tasks = list(dict.fromkeys(row.task for row in rows))
    rows_of = {task: [row for row in rows if row.task == task] for task in tasks}
    names_of = {task: _names(own) for task, own in rows_of.items()}
    # No name may reach into its neighbour's row.
    lines = max(name.count("\n") + 1 for names in names_of.values() for name in names)
    inches = max(_INCHES_A_ROW, lines * _INCHES_A_LINE)
    counts = [len(own) for own in rows_of.values()]
    figure = Figure(figsize=(7.0, len(rows) * inches + 1.1 * len(tasks)), layout="constrained")
    panels = figure.subplots(len(tasks), 1, squeeze=False, height_ratios=[c + 1 for c in counts])
    for panel, (task, own) in zip(panels[:, 0], rows_of.items(), strict=True):
        for height, row in enumerate(own):
            spread = row.spread
            ends = spread.interval_of_shares() if spread.n > 1 else (spread.mean, spread.mean)
            arms = [[100 * abs(spread.mean - end)] for end in ends]
            values = [100 * value for value in row.accuracies.values()]
            panel.plot(values, [height] * len(values), "o", mfc="none", color=_OURS, ms=4,
                       alpha=0.6, label="a seed")  # fmt: skip
            panel.errorbar(100 * spread.mean, height, xerr=arms, fmt="|", color=_OURS, ms=12,
                           capsize=3, label="mean, 95 % interval")  # fmt: skip
            if row.header.published is not None:
                panel.plot(row.header.published, height, "D", color=_PUBLISHED, ms=5,
                           label="published")  # fmt: skip
        panel.set_yticks(range(len(own)), names_of[task], fontsize="small", linespacing=1.0)
        panel.set_ylim(len(own) - 0.5, -0.5)
        panel.set_xlabel("test accuracy %")
        panel.set_xlim(right=min(100.5, panel.get_xlim()[1]))  # The margin may reach beyond 100.
        panel.set_title(str(task), loc="left", fontsize="medium")
        panel.grid(axis="x", alpha=0.3)
        handles, labels = panel.get_legend_handles_labels()
        first = {label: handle for handle, label in zip(handles, labels, strict=True)}
        panel.legend(first.values(), first.keys(), fontsize="small", loc="best")
    return figure


def _names(rows: Sequence[Row]) -> list[str]:
    quick = [" (quick)" if row.quick else "" for row in rows]
    called = [f"{name}{mark}" for name, mark in zip(cells.names(rows), quick, strict=True)]
    return [textwrap.fill(name, _LINE, break_long_words=False) for name in called]
