"""The tables and next commands that programs end with."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box, console, table

from trainers.experiment import Experiment

_NAMES = {
    "mle": "MLE",
    "at": "AT",
    "vat": "VAT",
    "xat": "xAT",
    "xvat": "xVAT",
    "random_mask": "random mask",
}


def method_label(experiment: Experiment) -> str:
    """The method as the paper's tables call it: xVAT-I and xVAT-T tell where the mask lives."""
    label = _NAMES.get(experiment.method, experiment.method)
    if experiment.method in ("xat", "xvat"):
        label += {"inductive": "-I", "transductive": "-T"}[experiment.mask]
    return label


def print_results(results: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Prints one row a run: method, accuracy, speed, cost.

    Args:
        results: (workdir, what its result.json holds).
    """
    shown = table.Table(box=box.SIMPLE_HEAD)
    shown.add_column("method")
    for title in ("test accuracy %", "steps", "ms/step", "backward passes/step"):
        shown.add_column(title, justify="right")
    for _, result in results:
        shown.add_row(
            result["method"],
            f"{100 * result['test_accuracy']:.2f}",
            str(result["train_steps"]),
            f"{result['milliseconds_per_step']:.1f}",
            str(result["backward_passes"]),
        )
    console.Console().print(shown)


def print_next_commands(workdir: str) -> None:
    """Says where a run's logs are and what to type next."""
    print(f"TensorBoard logs: {workdir}/train and {workdir}/eval")
    print(f"Next: tensorboard --logdir={workdir}")
