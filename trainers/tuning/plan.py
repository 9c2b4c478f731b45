"""What a search is: this process's part in it, its flags, its directory."""

import pathlib
from collections.abc import Mapping

import flags.tuning  # noqa: F401 (defines --tuner, --trials, --executions and --search)
from flags.define import Kind
from trainers.errors import UsageError
from trainers.run import records
from trainers.run.storage import write_aside
from trainers.settings import experiment as experiment_lib
from trainers.tuning import search_space

_OWN = ("tuner", "trials", "executions", "search")
FLAGS = (*_OWN, "workdir", "quiet", *experiment_lib.all_names(without={Kind.CALL}))
VARIABLES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")
# Hyperband's rounds take three times the steps of those before.
_HYPERBAND_FACTOR = 3


def role(environment: Mapping[str, str]) -> str:
    """What this process is to a search: "alone", "chief" or "worker".

    Raises:
        UsageError: some of keras-tuner's variables are set without the others.
    """
    given = [name for name in VARIABLES if environment.get(name)]
    if not set(given) - {"KERASTUNER_TUNER_ID"}:
        return "alone"
    if len(given) < len(VARIABLES):
        raise UsageError(
            f"{', '.join(VARIABLES)} must be set together. Received: only {', '.join(given)}"
        )
    # keras-tuner's own rule.
    return "chief" if "chief" in environment["KERASTUNER_TUNER_ID"] else "worker"


def read() -> tuple[experiment_lib.Experiment, dict[str, str], dict[str, str]]:
    """Reads FLAGS: the experiment, its arguments by flag, and the ranges of the search by flag.

    Raises:
        UsageError: for flags that do not fit together.
    """
    experiment = experiment_lib.from_flags()
    if not experiment.num_validation:
        raise UsageError(
            "--num_validation must be above 0: trials are compared on training images held back. "
            "Received: --num_validation=0"
        )
    tuner, search = experiment_lib.program_flags("tuner", "search")
    epochs = experiment.train_steps / experiment.steps_per_epoch
    if tuner == "hyperband" and epochs < _HYPERBAND_FACTOR:
        raise UsageError(
            f"--tuner=hyperband needs --train_steps of at least {_HYPERBAND_FACTOR} "
            f"--steps_per_epoch. Received: --train_steps={experiment.train_steps} "
            f"--steps_per_epoch={experiment.steps_per_epoch}"
        )
    given = experiment_lib.given()
    ranges = search_space.ranges(experiment, given, search or [])
    fixed = {
        name: argument
        for name, argument in given.items()
        if name not in (*ranges, "workdir", "quiet", "seed")
    }
    return experiment, fixed, ranges


def refuse_ends(fixed: dict[str, str], ranges: Mapping[str, str]) -> None:
    """Raises UsageError for an end of a range that does not fit together with the other flags.

    Args:
        fixed: as `read` gives them, like the next.
        ranges: by flag.
    """
    points = {
        hyperparameter.name: search_space.points(hyperparameter)
        for hyperparameter in search_space.hyperparameters(ranges).space
    }
    # The other searched flags stay at their first value: a fixed flag may need them to be there.
    first = search_space.arguments({name: of_one[0] for name, of_one in points.items()})
    for name, of_one in points.items():
        for point in of_one:
            arguments = fixed | first | search_space.arguments({name: point})
            values = experiment_lib.parse([*arguments.values(), "--workdir=trial"])
            experiment_lib.from_flags(values)


def open_directory(workdir: pathlib.Path, text: str) -> bool:
    """Makes the search's directory and writes search.flags; returns whether it was there before.

    Args:
        workdir: of the search.
        text: what the search is, a flag a line.

    Raises:
        UsageError: the directory belongs to another search or cannot be written.
    """
    file = workdir / "search.flags"
    try:
        if file.exists():
            there, received = (set(lines.splitlines()) for lines in (file.read_text(), text))
            if there != received:
                lines = [f"  there {line}" for line in sorted(there - received)]
                lines += [f"  received {line}" for line in sorted(received - there)]
                raise UsageError(
                    "--workdir holds a search with other flags; choose another directory. "
                    f"Received: --workdir={workdir}\n" + "\n".join(lines)
                )
            return True
        workdir.mkdir(parents=True, exist_ok=True)
        write_aside(file, text)
    except OSError as error:
        raise UsageError(
            f"--workdir must be a writable directory. Received: --workdir={workdir} "
            f"({error.strerror})"
        ) from error
    return False


def refuse_damaged_oracle(workdir: pathlib.Path) -> None:
    """Raises UsageError for a file in which keras-tuner cannot find again how a search stands."""
    for file in sorted((workdir / "oracle").rglob("*.json")):
        try:
            records.read(file)
        except records.DamagedError as error:
            raise UsageError(
                f"{error}; without {workdir / 'oracle'} the same command begins the search anew, "
                f"from the runs that it has. Received: --workdir={workdir}"
            ) from error


def describe(ranges: Mapping[str, str]) -> str:
    """What makes a search what it is; --trials may grow."""
    tuner, executions = experiment_lib.program_flags("tuner", "executions")
    own = [f"--tuner={tuner}", f"--executions={executions}"]
    own += [f"--search={name}={text}" for name, text in ranges.items()]
    return "\n".join(own) + "\n" + experiment_lib.to_flagfile()
