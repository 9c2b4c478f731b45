"""Rows of a table of results: the records of one experiment, taken together."""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence

from trainers.evidence import headers, statistics
from trainers.evidence.record import LENGTH, SEEDS, Record, identity
from trainers.settings import experiment as experiment_lib
from xadv_tf import metrics

# Whom the others are compared with, where the table has them, and the flagfile of each.
REFERENCES = {"MLE": "mle", "VAT": "vat", "RandomMask": "random_mask"}


@dataclasses.dataclass(frozen=True)
class Task:
    """What all rows of one table have in common: a part of a folder of flags/experiments.

    Attributes:
        table: the folder.
        dataset: as --dataset names it.
        num_labeled: 0 for all.
    """

    table: str
    dataset: str
    num_labeled: int

    def __str__(self) -> str:
        """What it is, in a few words."""
        labels = f"{self.num_labeled:,} labels" if self.num_labeled else "all labels"
        return f"{self.table}, {self.dataset}, {labels}"


@dataclasses.dataclass(frozen=True)
class Row:
    """One experiment, some steps long.

    Attributes:
        task: of its table.
        name: of its flagfile.
        label: the method's.
        header: of the flagfile.
        full_steps: that the flagfile has.
        steps: of these runs.
        steps_per_epoch: of these runs.
        records: one a (seed, label_seed), in their order.
    """

    task: Task
    name: str
    label: str
    header: headers.Header
    full_steps: int
    steps: int
    steps_per_epoch: int
    records: Sequence[Record]

    @property
    def quick(self) -> bool:
        """Whether the runs are shorter than the recipe: their numbers are not the recipe's."""
        return self.steps < self.full_steps

    @property
    def accuracies(self) -> dict[tuple[int, int], float]:
        """{(label_seed, seed): share of right predictions}."""
        return {
            (record.label_seed, record.seed): record.accuracy
            for record in self.records
            if record.accuracy is not None
        }

    @property
    def spread(self) -> metrics.Spread:
        """Mean, standard deviation and interval of the accuracies."""
        return statistics.spread(self.accuracies)

    def last_logged(self, name: str) -> list[float]:
        """What the runs' last training logs have of a name, of those runs that log it."""
        curves = [record.content["curve"].get("train", {}).get(name) for record in self.records]
        return [curve[-1] for curve in curves if curve and curve[-1] is not None]

    @property
    def weights(self) -> str:
        """Which weights were evaluated."""
        return ", ".join(sorted({r.content["result"]["weights"] for r in self.records}))

    @property
    def epochs(self) -> float:
        """After how many."""
        return self.steps / self.steps_per_epoch


def of(file: pathlib.Path, records: Sequence[Record]) -> list[Row]:
    """The rows of a flagfile: one for each length of runs that there are records of.

    Args:
        file: the flagfile.
        records: of any experiments.
    """
    run, wanted = _read(file)
    own = [record for record in records if record.common == wanted]
    lengths: dict[tuple[int, int], list[Record]] = {}
    for record in sorted(own, key=lambda r: (r.seed, r.label_seed)):
        own_run = record.experiment
        lengths.setdefault((own_run.train_steps, own_run.steps_per_epoch), []).append(record)
    task = Task(file.parent.name, run.dataset, run.num_labeled)
    return [
        Row(
            task=task,
            name=file.stem,
            label=run.label,
            header=headers.read(file),
            full_steps=run.train_steps,
            steps=steps,
            steps_per_epoch=steps_per_epoch,
            records=records,
        )
        for (steps, steps_per_epoch), records in sorted(lengths.items(), reverse=True)
    ]


@functools.cache
def _read(file: pathlib.Path) -> tuple[experiment_lib.Experiment, tuple[str, ...]]:
    """What a flagfile is, and the flags that its runs have in common."""
    values = experiment_lib.parse([f"--flagfile={file}", "--workdir=-"])
    lines = experiment_lib.to_flagfile(values).splitlines()
    return experiment_lib.from_flags(values), identity(lines, without=(*SEEDS, *LENGTH))


def experiment(file: pathlib.Path) -> experiment_lib.Experiment:
    """What a flagfile is; read once."""
    return _read(file)[0]


def compare(row: Row, other: Row) -> statistics.Difference | None:
    """A row against another one on the seeds and draws of labels that both have; None for none."""
    own, others = row.accuracies, other.accuracies
    pairs = [pair for pair in own if pair in others]
    if not pairs:
        return None
    mean, p = statistics.paired({pair: own[pair] for pair in pairs}, others)
    better = worse = tested = 0
    partners = {(record.seed, record.label_seed): record for record in other.records}
    for record in row.records:
        partner = partners.get((record.seed, record.label_seed))
        found = _mcnemar(record, partner) if partner else None
        if found is None:
            continue
        tested += 1
        more, less, chance = found
        if chance < statistics.LEVEL:
            better, worse = better + (more > less), worse + (less > more)
    return statistics.Difference(len(pairs), mean, p, better, worse, tested)


def variances(row: Row) -> statistics.Variances | None:
    """How much of a row's spread is whose, if its runs tell."""
    return statistics.variances(row.accuracies)


def _mcnemar(one: Record, other: Record) -> tuple[int, int, float] | None:
    """What `statistics.mcnemar` says; None where predictions on the same images are missing."""
    if one.predicted is None or one.labels is None or other.predicted is None:
        return None
    if one.content["data"]["test"] != other.content["data"]["test"]:
        return None
    return statistics.mcnemar(one.predicted, other.predicted, one.labels)
