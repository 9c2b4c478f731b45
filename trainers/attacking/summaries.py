"""Runs under attack taken together: means and intervals, as table, CSV and panels of a picture."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box, console, table

from flags.robustness import ATTACKS
from trainers.attacking.measuring import WORST
from trainers.reports import seeds
from xadv_tf import metrics
from xadv_tf.figures import robustness as figure

# What files, tables and pictures call them.
ATTACK_NAMES = {
    "fgsm": "FGSM",
    "pgd": "PGD",
    "apgd_ce": "APGD-CE",
    "apgd_dlr": "APGD-DLR",
    "square": "Square",
    "greedy_removal": "greedy",
    "trained_removal": "trained masks",
    "generated_removal": "generator",
    "random_removal": "random",
    WORST: "worst of these",
}
THREATS = {
    "linf": "L-infinity, epsilon",
    "l2": "L2, epsilon",
    "removal": "share of removed pixels",
}


@dataclass(frozen=True)
class Point:
    """The accuracy of a group of runs under an attack of one strength.

    Attributes:
        label: the group's, unlike that of all others.
        threat: "linf", "l2" or "removal".
        attack: its name on the command line, or "worst".
        strength: as flags have it.
        size: in pixels' values, 0 to 255, or in numbers of pixels.
        runs: how many.
        images: attacked in each.
        accuracy: the mean over runs, in [0, 1].
        low, high: its 95 % interval; of one run Wilson's over its images, of several Student's over
            runs, within [0, 1].
    """

    label: str
    threat: str
    attack: str
    strength: float
    size: float
    runs: int
    images: int
    accuracy: float
    low: float
    high: float


def label_groups(groups: Sequence[seeds.Group]) -> list[str]:
    """The methods' labels, with what tells them apart where two have the same."""
    labels = [group.label for group in groups]
    return [
        " ".join([group.label, *group.flags]) if labels.count(group.label) > 1 else group.label
        for group in groups
    ]


def points(label: str, reports: Sequence[Mapping[str, Any]]) -> list[Point]:
    """All points of a group.

    Args:
        label: of the group.
        reports: what `measuring.measure` gave for each of its runs, by the same settings.
    """
    found = []
    for threat, first in reports[0]["threats"].items():
        for attack in first["right"]:
            for i, (strength, size) in enumerate(
                zip(first["strengths"], first["sizes"], strict=True)
            ):
                right = [each["threats"][threat]["right"][attack][i] for each in reports]
                images = [each["images"] for each in reports]
                found.append(
                    Point(
                        *(label, threat, attack, strength, size, len(reports), images[0]),
                        *_mean_and_interval(right, images),
                    )
                )
    return found


def to_csv(found: Iterable[Point]) -> str:
    """A line for each point; accuracies and intervals as shares."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Point.__dataclass_fields__)
    for point in found:
        row = [getattr(point, name) for name in Point.__dataclass_fields__]
        writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in row])
    return text.getvalue()


def rows(found: Sequence[Point]) -> list[figure.Row]:
    """What `xadv_tf.figures.draw_robustness` draws."""
    made = []
    for threat in _in_order(found, "threat"):
        of_threat = [point for point in found if point.threat == threat]
        panels = []
        for attack in _attacks(of_threat):
            chosen = [point for point in of_threat if point.attack == attack]
            curves = []
            for label in _in_order(chosen, "label"):
                line = [point for point in chosen if point.label == label]
                curves.append(
                    figure.Curve(
                        label,
                        [point.accuracy for point in line],
                        [point.low for point in line],
                        [point.high for point in line],
                    )
                )
            strengths = [point.strength for point in chosen if point.label == chosen[0].label]
            panels.append(figure.Panel(ATTACK_NAMES[attack], strengths, curves))
        made.append(figure.Row(THREATS[threat], panels))
    return made


def print_tables(found: Sequence[Point]) -> None:
    """Prints for each threat the worst over strengths, and at one strength every attack."""
    screen = console.Console()
    for threat in _in_order(found, "threat"):
        of_threat = [point for point in found if point.threat == threat]
        attacks = _attacks(of_threat)
        shown = WORST if WORST in attacks else attacks[0]
        strengths = list(dict.fromkeys(point.strength for point in of_threat))
        what = "the worst of all attacks" if shown == WORST else ATTACK_NAMES[shown]
        title = f"{THREATS[threat]}: accuracy %, {what}"
        over = [point for point in of_threat if point.attack == shown]
        screen.print(title, highlight=False)
        screen.print(_table(over, [f"{each:g}" for each in strengths], "strength"))
        if len(attacks) > 1:
            middle = _middle(over, strengths)
            title = f"{THREATS[threat]} {middle:g}: accuracy %, each attack"
            at = [point for point in of_threat if point.strength == middle]
            screen.print(title, highlight=False)
            screen.print(_table(at, attacks, "attack"))


def _table(found: Sequence[Point], columns: Sequence[str], key: str) -> table.Table:
    shown = table.Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False,
        padding=(0, 1, 0, 0),
    )  # fmt: skip
    shown.add_column("method", no_wrap=False)
    for column in columns:
        shown.add_column(ATTACK_NAMES.get(column, column), justify="right")
    for label in _in_order(found, "label"):
        cells = {
            (f"{point.strength:g}" if key == "strength" else point.attack): _cell(point)
            for point in found
            if point.label == label
        }
        shown.add_row(label, *(cells.get(column, "-") for column in columns))
    return shown


def _cell(point: Point) -> str:
    return f"{100 * point.accuracy:.1f}"


def _middle(over: Sequence[Point], strengths: Sequence[float]) -> float:
    """The strength at which about half of the accuracy is left, over all groups."""
    first = [point.accuracy for point in over if point.strength == strengths[0]]
    clean = sum(first) / len(first)

    def distance(strength: float) -> float:
        left = [point.accuracy for point in over if point.strength == strength]
        return abs(sum(left) / len(left) - clean / 2)

    return min(strengths[1:], key=distance)


def _mean_and_interval(right: Sequence[int], images: Sequence[int]) -> tuple[float, float, float]:
    if len(right) == 1:
        low, high = metrics.accuracy_interval(right[0], images[0])
        return right[0] / images[0], low, high
    spread = metrics.spread([r / n for r, n in zip(right, images, strict=True)])
    return spread.mean, *spread.interval_of_shares()


def _attacks(found: Sequence[Point]) -> list[str]:
    there = {point.attack for point in found}
    # Of a threat the worst stands after what it is the worst of, and before what is none.
    order = [name for name in ATTACKS if name != "random_removal"]
    return [name for name in (*order, WORST, "random_removal") if name in there]


def _in_order(found: Sequence[Point], name: str) -> list[Any]:
    return list(dict.fromkeys(getattr(point, name) for point in found))
