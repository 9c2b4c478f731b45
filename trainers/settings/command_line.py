"""From a command line to flags: flagfiles, which value wins, and errors in one sentence.

The command line wins over flagfiles, wherever on it --flagfile stands, and these win over defaults.
A flagfile may include others by lines --flagfile=FILE, found relative to itself: its own lines win
over what it includes, wherever they stand. Of two files included or named side by side the later
one wins. One file must not set a flag to two different values.

--experiment=NAME is the flagfile of an experiment that comes with this project, by its name below
flags/experiments, from any folder: --experiment=digits/vat. Where NAME is a file, it is that file.
--flagfile=flags/experiments/digits/vat.flags, as documents have it, works from any folder too.
"""

import dataclasses
import os
import pathlib
import re
from collections.abc import Iterable, Sequence

from absl import flags as absl_flags

import flags
from trainers.errors import UsageError
from trainers.settings import value_texts

EXPERIMENTS = pathlib.Path(flags.__file__).parent / "experiments"
_DIRECTIVES = ("--flagfile", "-flagfile")
_NAMED = ("--experiment", "-experiment")


@dataclasses.dataclass(frozen=True)
class _Line:
    """One flag of a flagfile: the argument and where it stands, for messages."""

    argument: str
    place: str


def parse(values: absl_flags.FlagValues, arguments: Sequence[str]) -> list[str]:
    """Sets the flags of `values`, e.g. absl's FLAGS.

    Args:
        values: where flags are defined; they become parsed and validated.
        arguments: those after the program's name.

    Returns:
        The arguments that are no flags.

    Raises:
        UsageError: for a file that cannot be read, or that contradicts itself; an unknown flag; a
            value out of range.
    """
    files, typed = _split(arguments)
    lines = [line for file in files for line in _read(file, file, (), values)]
    places = {_assignment(line.argument, values)[0]: line.place for line in lines}
    for argument in typed:
        places.pop(_assignment(argument, values)[0], None)
    try:
        rest = values(["", *(line.argument for line in lines), *typed])[1:]
    except absl_flags.UnrecognizedFlagError as error:
        raise UsageError(_unknown_flag(error, places)) from error
    except (absl_flags.Error, ValueError) as error:
        raise UsageError(_wrong_value(str(error), places)) from error
    for name in values:
        _refuse_no_text(name, values[name].value, places)
    return rest


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of the flagfiles on a command line, and its other arguments, in their order."""
    files, typed = [], []
    rest = iter(arguments)
    for argument in rest:
        name, has_value, value = argument.partition("=")
        if name in (*_DIRECTIVES, *_NAMED):
            file = value if has_value else next(rest, "")
            if not file:
                raise UsageError(
                    f"--{name.lstrip('-')} must name a file of flags. Received: nothing"
                )
            files.append(_find(file) if name in _NAMED else _place(file))
        else:
            typed.append(argument)
    return files, typed


def _place(file: str) -> str:
    """A flagfile where it is; flags/experiments/... as documents have it, from any folder."""
    ours = EXPERIMENTS.parents[1] / file
    own = file.startswith("flags/") and not os.path.exists(file) and os.path.isfile(ours)
    return str(ours) if own else file


def _find(name: str) -> str:
    """The flagfile of --experiment=NAME, with or without its ending .flags."""
    for path in (pathlib.Path(name), EXPERIMENTS / name, EXPERIMENTS.parents[1] / name):
        for file in (path, path.with_name(f"{path.name}.flags")):
            if os.path.isfile(file):  # Which asks quietly for names that no file can have.
                return str(file)
    tables: dict[str, list[str]] = {}
    for path in sorted(EXPERIMENTS.glob("*/*.flags")):
        tables.setdefault(path.parent.name, []).append(path.stem)
    table = name.partition("/")[0]
    known = f"{table} has {', '.join(tables[table])}" if table in tables else ""
    raise UsageError(
        "--experiment must name an experiment, as in digits/vat, or be a file; "
        f"{known or 'there are ' + ', '.join(tables)}. Received: --experiment={name}"
    )


def _refuse_no_text(name: str, value: object, places: dict[str, str]) -> None:
    """Raises UsageError for a text, or one of several, with a fault of `value_texts`."""
    for text in value if isinstance(value, list | tuple) else [value]:
        fault = value_texts.fault(text) if isinstance(text, str) else None
        if fault:
            raise UsageError(
                f"--{name} must {fault}. "
                f"Received: --{name}={value_texts.shown(str(text))}{_where(name, places)}"
            )


def _read(
    file: str, place: str, including: tuple[pathlib.Path, ...], values: absl_flags.FlagValues
) -> list[_Line]:
    """The lines of a flagfile that set flags, after those of the files that it includes."""
    path = pathlib.Path(file).expanduser()
    path = including[-1].parent / path if including else path
    if any(path.samefile(above) for above in including if path.exists()):
        raise UsageError(
            f"a flagfile must not include itself. Received: --flagfile={file} ({place})"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageError(
            f"--flagfile must name a file of flags that can be read. Received: {file} ({reason})"
        ) from error
    included: list[_Line] = []
    own: dict[str, _Line] = {}
    lines: list[_Line] = []
    for number, row in enumerate(text.splitlines(), start=1):
        line = _Line(row.strip(), f"{file}, line {number}")
        if not line.argument or line.argument.startswith(("#", "//")):
            continue
        if not re.fullmatch(r"--?\w+(=.*)?", line.argument):
            raise UsageError(
                "a line of a flagfile must be --name=value, without spaces before the value, or a "
                f"comment. Received: {line.argument} ({line.place})"
            )
        name, value = _assignment(line.argument, values)
        if name == "flagfile":
            included += _read(value, line.place, (*including, path), values)
            continue
        fault = value_texts.fault_in_a_flagfile(value)
        if fault:
            raise UsageError(f"--{name} must {fault}. Received: {line.argument} ({line.place})")
        earlier = own.setdefault(name, line)
        if not _agree(name, _assignment(earlier.argument, values)[1], value, values):
            raise UsageError(
                f"a flagfile must not set --{name} to two values. "
                f"Received: {earlier.argument} ({earlier.place}) and {line.argument} ({line.place})"
            )
        lines.append(line)
    return [*included, *lines]


def _assignment(argument: str, values: Iterable[str]) -> tuple[str, str]:
    """The flag's name and the text of its value: ("flip", "false") for --noflip."""
    name, has_value, text = argument.lstrip("-").partition("=")
    if has_value or name in values:
        return name, text if has_value else "true"
    if name.startswith("no") and name[2:] in values:
        return name[2:], "false"
    return name, ""


def _agree(name: str, one: str, other: str, values: absl_flags.FlagValues) -> bool:
    """Whether two texts are the same value, like 1e-3 and 0.001, or values that add up."""
    if one == other or name not in values or isinstance(values[name], absl_flags.MultiFlag):
        return True  # Of an unknown flag something else is to be said.
    parse_text = values[name].parser.parse
    try:
        return bool(parse_text(one) == parse_text(other))
    except ValueError:
        return False


def _unknown_flag(error: absl_flags.UnrecognizedFlagError, places: dict[str, str]) -> str:
    # absl has the similar names in its message only.
    similar = str(error).partition("Did you mean: ")[2].removesuffix(" ?")
    suggestion = f"; did you mean --{similar.replace(', ', ' or --')}?" if similar else "."
    return (
        f"this program has no flag --{error.flagname}{suggestion} "
        f"Received: {error.flagvalue}{_where(error.flagname, places)}"
    )


def _wrong_value(message: str, places: dict[str, str]) -> str:
    """One sentence from absl's, of which the form is `flag --name=value: what is wrong`."""
    message = message.splitlines()[0]  # Several wrong flags have a line each; one at a time.
    match = re.fullmatch(r"flag (--(\w+)=.*?): (.*)", message)
    if not match:
        return message
    argument, name, problem = match.groups()
    problem = re.sub("^value should ", "must ", problem)
    problem = re.sub(r"^invalid literal for int\(\) .*", "must be a whole number", problem)
    problem = re.sub(r"^could not convert string to float.*", "must be a number", problem)
    problem = re.sub(r"^\S+ is not (an? )?(.*)", r"must be \1\2", problem)
    what = problem if problem.startswith("must ") else f"must have another value: {problem}"
    return f"--{name} {what.rstrip('.')}. Received: {argument}{_where(name, places)}"


def _where(name: str, places: dict[str, str]) -> str:
    return f" ({places[name]})" if name in places else ""
