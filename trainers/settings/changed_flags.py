"""A run's directory keeps one experiment: the same flags go on with it, others are refused."""

import pathlib

from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib


def refuse_changed_flags(config: pathlib.Path, flags: str) -> None:
    """Compares the flags of a run with those that are to go on with it.

    Args:
        config: the run's config.flags.
        flags: the effective flags of today, one a line.

    Raises:
        UsageError: they differ; it names each difference.
    """
    # Read as flags of today: comments and flags that came later, at their defaults, do not count.
    known = experiment_lib.to_flagfile(experiment_lib.parse([f"--flagfile={config}"]))
    there, received = ({_name(line): line for line in text.splitlines()} for text in (known, flags))
    names = sorted(name for name in there | received if there.get(name) != received.get(name))
    if names:
        lines = [
            f"  there {there.get(name, f'no --{name}')}, received {received.get(name, 'none')}"
            for name in names
        ]
        raise UsageError(
            "--workdir holds a run with other flags; choose another directory. "
            f"Received: --workdir={config.parent}\n" + "\n".join(lines)
        )


def _name(argument: str) -> str:
    name, _, value = argument.removeprefix("--").partition("=")
    return name if value else name.removeprefix("no")  # --balanced and --nobalanced are one.
