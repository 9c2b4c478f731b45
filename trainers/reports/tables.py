"""The tables and next commands that programs end with."""

import pathlib
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box, console, table

from trainers import commands


def print_results(results: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Prints one row a run: method, accuracy, speed, cost; its folder too, where methods repeat.

    Args:
        results: (workdir, what its result.json holds).
    """
    repeated = len({result["method"] for _, result in results}) < len(results)
    shown = table.Table(box=box.SIMPLE_HEAD)
    if repeated:
        shown.add_column("run")
    shown.add_column("method")
    for title in ("test accuracy %", "steps", "ms/step", "backward passes/step"):
        shown.add_column(title, justify="right")
    for workdir, result in results:
        shown.add_row(
            *([pathlib.Path(workdir).name] if repeated else []),
            result["method"],
            _percent(result["test_accuracy"]),
            str(result["train_steps"]),
            f"{result['milliseconds_per_step']:.1f}",
            str(result["backward_passes"]),
        )
    console.Console().print(shown)
    for workdir, result in results:
        fall = _fall(result)
        if fall:
            runs = shlex.quote(workdir)
            print(f"{result['method']}, seed {result.get('seed')}: {fall}.")
            program = commands.shown("trainers")
            print(f"  The weights of then: {program}.evaluate --workdir={runs} --weights=best")


def print_result_line(result: Mapping[str, Any]) -> None:
    """Prints a run's method and accuracy in one line."""
    split = "validation" if result["test_accuracy"] is None else "test"
    accuracy = _percent(result.get(f"{split}_accuracy"))
    fall = _fall(result)
    more = f"; {fall}" if fall else ""
    print(f"{result['method']}: {split} accuracy {accuracy} %{more}", flush=True)


def _fall(result: Mapping[str, Any]) -> str | None:
    """How far validation fell from its best, where chance does not explain it.

    Of two shares of the same n images, about p, the difference has a standard error of at most
    sqrt(2 p (1 - p) / n); three of them leave room for the choice of the best among many epochs.
    """
    best, now = result.get("best_validation"), result.get("validation_accuracy")
    if best is None or now is None:  # Of a run without validation, or of earlier versions.
        return None
    p, n = (best["accuracy"] + now) / 2, result["validation_images"]
    if best["accuracy"] - now <= 3 * (2 * p * (1 - p) / n) ** 0.5:
        return None
    return (
        f"validation fell from {_percent(best['accuracy'])} % at step {best['step']} "
        f"to {_percent(now)} %"
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f}"


def print_next_commands(*workdirs: str) -> None:
    """Says where the logs of runs are and what to type next."""
    several = len(workdirs) > 1  # Of one experiment, by their seeds.
    logs = str(pathlib.Path(workdirs[0]).parent) if several else workdirs[0]
    runs = shlex.quote(f"{logs}/seed_*" if several else logs)
    program = commands.shown("trainers")
    if not several:
        print(f"TensorBoard logs: {logs}/train and {logs}/eval")
    print(f"Next: {commands.tensorboard_command(logs)}")
    print(f"      {program}.evaluate --workdir={runs}")
    if not several:
        output = shlex.quote(f"{logs}/saved_model")
        print(f"      {program}.export --workdir={runs} --output={output}")
