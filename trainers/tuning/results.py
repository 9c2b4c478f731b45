"""What a search has found: a table, and the best flags as a flagfile."""

import dataclasses
import pathlib
import sys
from collections.abc import Mapping, Sequence

from rich import box, console, table

from trainers import commands, errors
from trainers.run.provenance import provenance
from trainers.run.storage import write_aside
from trainers.settings import experiment as experiment_lib
from trainers.tuning import search_space
from trainers.tuning.trials import SPREAD, Trials


@dataclasses.dataclass(frozen=True)
class Result:
    """One trial that has ended.

    Attributes:
        trial: its number.
        values: of the searched flags, as they are written.
        arguments: of trainers.train, seed and place aside.
        steps: that its runs took.
        accuracy: mean validation accuracy in [0, 1]; None if it failed.
        spread: standard deviation of the same over seeds; None for one seed.
        reason: why, if it failed.
    """

    trial: str
    values: Mapping[str, str]
    arguments: Mapping[str, str]
    steps: int
    accuracy: float | None
    spread: float | None
    reason: str


def collect(made: Trials) -> list[Result]:
    """The trials that have ended, best first: those with most steps, of them the most accurate."""
    results = []
    for name, trial in sorted(made.oracle.trials.items()):
        history = trial.metrics
        results.append(
            Result(
                trial=name,
                values=search_space.texts(trial.hyperparameters.values),
                arguments=made.arguments(trial),
                steps=made.steps(trial),
                accuracy=trial.score,
                spread=history.get_last_value(SPREAD) if history.exists(SPREAD) else None,
                # Reasons do not travel from workers to their chief.
                reason=trial.message or "its worker has said why",
            )
        )
    # Of hyperband's rounds only the longest says what a whole run would reach.
    return sorted(
        results,
        key=lambda result: (result.accuracy is not None, result.steps, result.accuracy),
        reverse=True,
    )


def print_table(results: Sequence[Result], names: Sequence[str]) -> None:
    """Prints a row a trial, and below why some failed.

    Args:
        results: as `collect` gives them.
        names: of the searched flags.
    """
    shown = table.Table(box=box.SIMPLE_HEAD)
    for heading in ("trial", *names, "steps", "validation %"):
        shown.add_column(heading, justify="right")
    for result in results:
        accuracy = "failed" if result.accuracy is None else f"{100 * result.accuracy:.2f}"
        if result.spread is not None:
            accuracy += f" ± {100 * result.spread:.2f}"
        cells = [result.values.get(name, "") for name in names]
        shown.add_row(result.trial, *cells, str(result.steps), accuracy)
    console.Console().print(shown)
    for result in results:
        if result.accuracy is None:
            print(f"Trial {result.trial} failed: {result.reason}")


def finish(results: Sequence[Result], made: Trials, experiment: experiment_lib.Experiment) -> int:
    """Writes best.flags, says what to type next; returns the program's exit status.

    Args:
        results: as `collect` gives them.
        made: the search.
        experiment: of the search.
    """
    best = results[0] if results else None
    if best is None or best.accuracy is None:
        last = f"; trial {results[-1].trial}: {results[-1].reason}" if results else ""
        print(f"error: all {len(results)} trials failed{last}", file=sys.stderr)
        return errors.FAILED
    workdir = pathlib.Path(experiment.workdir)
    command = commands.own("trainers.tune")
    count = len(made.seeds)
    about = {
        "Best": f"trial {best.trial} of {len(results)}",
        "Validation accuracy": f"{100 * best.accuracy:.2f} %, the mean of {count} seed(s) after "
        f"{best.steps} steps; as the best of many it is too high an estimate",
        "Search": command,
        **provenance(),
    }
    values = experiment_lib.parse([*best.arguments.values(), f"--seed={experiment.seed}"])
    comments = "".join(f"# {name}: {text}\n" for name, text in about.items())
    file = workdir / "best.flags"
    write_aside(file, comments + experiment_lib.to_flagfile(values))
    if not experiment.quiet:
        arguments = [f"--flagfile={file}", f"--workdir={workdir / 'best'}"]
        print(f"Best flags, of trial {best.trial}: {file}")
        print(f"Next: {commands.shown('trainers.train', *arguments)}")
        print(f"      {commands.tensorboard_command(str(workdir))}")
    return 0
