"""What several GPUs cost in memory and in sums: the numbers of docs/scaling.md, which it prints.

    python -m trainers.benchmarking.scaling

Counts, and times that a formula makes of them; nothing here was measured.
"""

import dataclasses
from collections.abc import Callable, Sequence

_FLOAT = 4  # Bytes.
_GB = 1e9


@dataclasses.dataclass(frozen=True)
class Task:
    """What is trained, on what.

    Attributes:
        images: in the pool.
        side: pixels of an image's height, and of its width.
        channels: of an image.
        classes: of the labels.
        weights: of the classifier.
        operations: of one image's forward pass, multiplications and additions.
        normalizations: layers of batch normalisation, whose statistics replicas take together.
        labeled: images a step and GPU.
        unlabeled: images a step and GPU, of the methods that take some.
    """

    images: int
    side: int
    channels: int
    classes: int
    weights: int
    operations: float
    normalizations: int
    labeled: int
    unlabeled: int

    @property
    def gates(self) -> int:
        """Of one mask."""
        return self.side**2


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a method adds to supervised training of a classifier.

    Attributes:
        label: as tables call it.
        passes: forward passes' worth of operations for each unlabeled image. A backward pass to
            weights and images counts two, one to images alone counts one.
        normalized: passes over the classifier in which replicas normalise together, the labeled
            one included; and how many of them go back.
        copies: further networks like the classifier.
        row: floats kept for each image of the pool, on every GPU.
        gathered: floats that a step gathers from every GPU for each unlabeled image.
    """

    label: str
    passes: float = 0.0
    normalized: tuple[int, int] = (1, 1)
    copies: int = 0
    row: Callable[[Task], int] = lambda task: 0
    gathered: Callable[[Task], int] = lambda task: 0


# A table keeps log_alpha, m and v of each gate and the step of the row's last visit; gradients of
# rows are gathered with their indices. An ensemble keeps Z, z, a count and an epoch.
COSTS = (
    Cost("MLE"),
    Cost("VAT", passes=6.0, normalized=(4, 3)),
    Cost("xVAT-I", passes=4.0, normalized=(3, 2)),
    Cost(
        "xVAT-T",
        passes=4.0,
        normalized=(3, 2),
        row=lambda task: 3 * task.gates + 1,
        gathered=lambda task: task.gates + 1,
    ),
    Cost(
        "Temporal ensembling",
        passes=3.0,
        normalized=(2, 2),
        row=lambda task: 2 * task.classes + 2,
        gathered=lambda task: task.classes + 1,
    ),
    Cost("Mean teacher", passes=4.0, normalized=(3, 2), copies=1),
)


@dataclasses.dataclass(frozen=True)
class Machines:
    """What computes.

    Attributes:
        gpus: of a machine.
        rate: operations a second that a GPU reaches in these networks.
        memory: bytes of a GPU.
        bandwidth: bytes a second of a GPU's sums, within a machine and between machines.
        latency: seconds of a sum of few bytes, likewise.
    """

    gpus: int
    rate: float
    memory: float
    bandwidth: tuple[float, float]
    latency: tuple[float, float]

    def between(self, count: int) -> int:
        """0 if so many GPUs are one machine's, else 1: an index of `bandwidth` and `latency`."""
        return int(count > self.gpus)


# A ResNet-50 (He et al. 2016) on ImageNet's training set (Russakovsky et al. 2015).
IMAGENET = Task(
    images=1_281_167,
    side=224,
    channels=3,
    classes=1000,
    weights=25_557_032,
    operations=8.2e9,
    normalizations=53,
    labeled=64,
    unlabeled=64,
)
CLUSTER = Machines(
    gpus=8, rate=150e12, memory=80e9, bandwidth=(200e9, 25e9), latency=(20e-6, 60e-6)
)


def classifier_bytes(task: Task, cost: Cost) -> float:
    """Weights, their gradients and Adam's two moments, and the weights of copies."""
    return float(_FLOAT * task.weights * (4 + cost.copies))


def rows_bytes(task: Task, cost: Cost) -> float:
    """What is kept for each image of the pool, on each GPU."""
    return float(_FLOAT * task.images * cost.row(task))


def pool_bytes(task: Task) -> float:
    """The images of the pool, on each GPU, unless they are streamed."""
    return float(_FLOAT * task.images * task.gates * task.channels)


def rows_that_fit(task: Task, cost: Cost, memory: float) -> int:
    """Images whose rows, with the classifier's weights, take half of a GPU's memory."""
    return int((memory / 2 - classifier_bytes(task, cost)) // (_FLOAT * cost.row(task)))


def summed_bytes(task: Task, cost: Cost, count: int) -> float:
    """Bytes that a GPU sends, and receives, in a step of `count` GPUs by rings.

    A sum of n bytes passes each GPU by 2 (count - 1)/count n bytes; what is gathered from all by
    (count - 1)/count of the whole.
    """
    share = (count - 1) / count
    gathered = _FLOAT * cost.gathered(task) * task.unlabeled * count
    return share * (2 * _FLOAT * task.weights + gathered)


def sums(task: Task, cost: Cost) -> int:
    """Sums a step that wait for one another, whatever their size.

    Two for each normalisation of a pass and as many on its way back; the gradients; and what the
    objective and the logs are divided by, which takes three.
    """
    forward, backward = cost.normalized
    gathered = 2 if cost.gathered(task) else 0
    return 2 * task.normalizations * (forward + backward) + 4 + gathered


def step_seconds(task: Task, cost: Cost, machines: Machines, count: int) -> float:
    """Of `count` GPUs, each with its own share of images: operations, then sums, one by one."""
    images = 3.0 * task.labeled + cost.passes * task.unlabeled
    seconds = images * task.operations / machines.rate
    if count > 1:
        where = machines.between(count)
        seconds += summed_bytes(task, cost, count) / machines.bandwidth[where]
        seconds += sums(task, cost) * machines.latency[where]
    return seconds


def memory_table(task: Task = IMAGENET, machines: Machines = CLUSTER) -> str:
    """Memory of each method by parts, as Markdown."""
    rows = [
        (
            "",
            "classifier",
            "rows of the pool",
            f"images whose rows take half of {_gb(machines.memory)}",
        )
    ]
    for cost in COSTS:
        per_image = rows_bytes(task, cost)
        fit = f"{rows_that_fit(task, cost, machines.memory):,}" if per_image else "any"
        rows.append((cost.label, _gb(classifier_bytes(task, cost)), _gb(per_image), fit))
    return _markdown(rows)


def sums_table(task: Task = IMAGENET, counts: Sequence[int] = (8, 64)) -> str:
    """Bytes and number of sums a step, as Markdown."""
    rows = [("", "sums a step", *(f"each of {count} GPUs sends" for count in counts))]
    for cost in COSTS:
        sent = (_gb(summed_bytes(task, cost, count)) for count in counts)
        rows.append((cost.label, str(sums(task, cost)), *sent))
    return _markdown(rows)


def scaling_table(
    task: Task = IMAGENET,
    machines: Machines = CLUSTER,
    counts: Sequence[int] = (1, 2, 4, 8, 16, 32, 64),
) -> str:
    """Milliseconds a step, and the share of it that computes, as Markdown."""
    rows = [("GPUs", *(cost.label for cost in COSTS))]
    for count in counts:
        cells = []
        for cost in COSTS:
            seconds = step_seconds(task, cost, machines, count)
            share = step_seconds(task, cost, machines, 1) / seconds
            cells.append(f"{1000 * seconds:.0f} ms, {share:.0%}")
        rows.append((str(count), *cells))
    return _markdown(rows)


def _gb(size: float) -> str:
    if not size:
        return "0"
    return f"{size / _GB:.3g} GB" if size >= _GB / 10 else f"{size / 1e6:.3g} MB"


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    print("\n".join((memory_table(), sums_table(), scaling_table())))
