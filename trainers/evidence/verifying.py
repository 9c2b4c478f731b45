"""Checks a record: its run's beginning is repeated, and the logs are compared.

On the same kind of machine, with the same versions and as many cores, a run has the same bits. On
another one, sums round in another order: there the logs must stay within the band that the record
keeps.
"""

import dataclasses
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from trainers.errors import UsageError
from trainers.evidence import record, terminal
from trainers.evidence.curves import Line
from trainers.evidence.record import Record

STEPS = 200
# What two machines must have in common for the same bits. Where the code differs, that is what is
# to be found out.
_SAME_BITS = ("hardware", "cores_used", "tensorflow", "keras", "python")


@dataclasses.dataclass(frozen=True)
class Repetition:
    """What is to be run.

    Attributes:
        arguments: of trainers.train, but for the directory.
        steps: how many it takes, whole epochs.
        compared: up to which its logs are compared.
        stops: whether the run goes on after them.
    """

    arguments: list[str]
    steps: int
    compared: int
    stops: bool


def read(file: str) -> Record:
    """The record that --verify names, with or without .json, in results/runs or elsewhere.

    Raises:
        UsageError: there is none.
    """
    path = pathlib.Path(file)
    path = path if path.suffix == ".json" else path.with_name(f"{path.name}.json")
    if not path.is_file():
        raise UsageError(f"--verify must name a record. Received: --verify={file}")
    return record.read(path)


def repetition(kept: Record, *, steps: int, data_dir: str | None) -> Repetition:
    """How the beginning of a record's run is repeated: whole epochs, `steps` at least.

    Args:
        kept: the record.
        steps: at least 1.
        data_dir: where the data lie here.

    Raises:
        UsageError: nothing that was logged so early can be compared.
    """
    run = kept.experiment
    per_epoch = run.steps_per_epoch
    taken = min(run.train_steps, -(-steps // per_epoch) * per_epoch)
    first = kept.content["beginning"][0]["step"] if kept.content["beginning"] else None
    if first is None or first > min(steps, taken):
        raise UsageError(
            f"--steps must reach the first log that the record keeps, {first or 'of none'}. "
            f"Received: --steps={steps}"
        )
    arguments = [*kept.content["flags"], "--notest", "--quiet"]
    if data_dir:
        arguments.append(f"--data_dir={data_dir}")
    stops = taken < run.train_steps
    stop = [f"--stop_at={taken}"] if stops else []
    return Repetition([*arguments, *stop], taken, min(steps, taken), stops)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the comparison gave.

    Attributes:
        exact: whether the machine is of the kind on which the bits must be the same.
        equal: whether they are.
        largest: the largest difference of a logged value, as a share of the band; 0 where all are
            the same.
        where: (step, name, value of the record, value now) of that difference, or None.
        logs: how many values were compared.
    """

    exact: bool
    equal: bool
    largest: float
    where: tuple[int, str, float, float] | None
    logs: int

    @property
    def holds(self) -> bool:
        """Whether the record is confirmed."""
        return self.equal or (not self.exact and self.largest <= 1)


def compare(
    kept: Record, lines: Sequence[Line], made_by: Mapping[str, Any], *, steps: int
) -> Verdict:
    """Compares the logs of a repetition with those of the record.

    Args:
        kept: the record.
        lines: of the repetition's metrics.jsonl.
        made_by: its provenance, from its status.json.
        steps: up to which; rounding differs the more the longer a run is.

    Raises:
        UsageError: it logged nothing that the record has.
    """
    now = {line["step"]: line for line in lines if line["split"] == "train"}
    band = kept.content["band"]
    exact = all(kept.content["made_by"][name] == made_by.get(name) for name in _SAME_BITS)
    largest, where, logs, equal = 0.0, None, 0, True
    for line in kept.content["beginning"]:
        again = now.get(line["step"])
        if again is None or line["step"] > steps:
            continue
        for name in sorted(set(line) - {"step", "split"}):
            before, after = line[name], again.get(name, float("nan"))
            logs += 1
            if before == after:
                continue
            equal = False
            gap = abs(after - before) / (band["relative"] * abs(before) + band["absolute"])
            gap = math.inf if math.isnan(gap) else gap
            if gap > largest:
                largest, where = gap, (line["step"], name, before, after)
    if not logs:
        raise UsageError("the repetition must log what the record has. Received: nothing of it")
    return Verdict(exact, equal, largest, where, logs)


def show(kept: Record, found: Verdict, steps: int) -> None:
    """Prints what was found."""
    shown = terminal.table_of("steps", "values", "same bits", "of the band", "holds")
    shown.add_row(
        f"{steps:,}",
        f"{found.logs}",
        "yes" if found.equal else "no",
        f"{100 * found.largest:.2g} %",
        "yes" if found.holds else "NO",
    )
    print(kept.name)
    terminal.screen().print(shown)
    if found.where:
        step, name, before, after = found.where
        print(f"Largest difference: {name} at step {step}, {before!r} then, {after!r} now")
    kind = "the same kind, so the bits must be the same" if found.exact else "another kind"
    print(f"This machine is of {kind}.")
