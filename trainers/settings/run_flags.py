"""config.flags: the flags of a run, by which others read it, and which refuse other flags in it."""

import pathlib
import re
import warnings
from collections.abc import Mapping

from absl import flags as absl_flags

from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib

NAME = "config.flags"
# Where data lie is no part of what a run is, and differs from machine to machine. That they are the
# same is seen in split.json.
OF_PLACES = ("data_dir", "download")
# Every run has it, and alphabetically last of those that every run has.
_LAST = "--unlabeled_batch_size="
_COUNT = "# number of flags: "


class DamagedError(UsageError):
    """config.flags is there, but not as it was written."""


def text(flags: str, about: Mapping[str, str]) -> str:
    """What config.flags holds.

    Args:
        flags: the effective flags, one a line.
        about: more to say, in comments.
    """
    comments = "".join(f"# {name}: {value}\n" for name, value in about.items())
    return f"{comments}{_COUNT}{len(flags.splitlines())}\n{flags}"


def read(workdir: str | pathlib.Path, *, flag: str = "--workdir") -> absl_flags.FlagValues:
    """The flags that a run was started with, --workdir among them.

    Args:
        workdir: the run's directory.
        flag: the flag that named it, for messages.

    Raises:
        DamagedError: they cannot be trusted.
        UsageError: there is no run.
    """
    file = pathlib.Path(workdir or "") / NAME
    if not workdir or not file.is_file():
        raise UsageError(
            f"{flag} must name the directory of a run, where {NAME} is. "
            f"Received: {flag}={workdir or 'nothing'}"
        )
    try:
        return _parse(file, [f"--workdir={workdir}"])
    except DamagedError as error:
        raise DamagedError(f"{error}; the command that trained the run writes it anew") from error


def read_with_data(
    workdir: str | pathlib.Path, *, flag: str = "--workdir"
) -> absl_flags.FlagValues:
    """As `read`, with the --data_dir of this command line if it has one: data may have moved."""
    values = read(workdir, flag=flag)
    moved = absl_flags.FLAGS["data_dir"]
    if moved.present:
        values["data_dir"].value = moved.value
    return values


def refuse_changed(workdir: pathlib.Path, flags: str) -> None:
    """Compares the flags of a run with those that are to go on with it, if there is a run.

    Its data may have moved. A damaged file is passed over with a warning, for a new one takes its
    place.

    Args:
        workdir: the run's directory.
        flags: the effective flags of today, one a line.

    Raises:
        UsageError: they differ; it names each difference.
    """
    if not (workdir / NAME).exists():
        return
    try:
        # Read as flags of today: comments and flags that came later, at their defaults, do not
        # count.
        known = experiment_lib.to_flagfile(_parse(workdir / NAME, []))
    except DamagedError as error:
        warnings.warn(
            f"{error}; it is written anew, so make sure that the run began with the flags of today",
            stacklevel=2,
        )
        return
    there, received = ({_name(line): line for line in text.splitlines()} for text in (known, flags))
    differing = {name for name in there | received if there.get(name) != received.get(name)}
    names = sorted(differing.difference(OF_PLACES))
    if names:
        lines = [
            f"  there {there.get(name, f'no --{name}')}, received {received.get(name, 'none')}"
            for name in names
        ]
        raise UsageError(
            "--workdir holds a run with other flags; choose another directory. "
            f"Received: --workdir={workdir}\n" + "\n".join(lines)
        )


def is_sound(workdir: pathlib.Path) -> bool:
    """Whether config.flags is there as it was written."""
    try:
        read(workdir)
    except UsageError:
        return False
    return True


def _parse(file: pathlib.Path, more: list[str]) -> absl_flags.FlagValues:
    damage = _damage(file)
    if damage is None:
        try:
            return experiment_lib.parse([f"--flagfile={file}", *more])
        except UsageError as error:
            damage = str(error)
    raise DamagedError(f"{file} is damaged ({damage})")


def _damage(file: pathlib.Path) -> str | None:
    try:
        content = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "it is no text"
    except OSError as error:
        return error.strerror or "it cannot be read"
    lines = [line for line in content.splitlines() if line.startswith("--")]
    count = re.search(rf"^{_COUNT}(\d+)$", content, re.MULTILINE)
    if not content:
        return "it is empty"
    if count and len(lines) != int(count[1]):
        return f"it has {len(lines)} of {count[1]} flags"
    # Runs of before the count was written.
    if not content.endswith("\n") or not any(line.startswith(_LAST) for line in lines):
        return "its end is missing"
    return None


def _name(argument: str) -> str:
    name, _, value = argument.removeprefix("--").partition("=")
    return name if value else name.removeprefix("no")  # --balanced and --nobalanced are one.
