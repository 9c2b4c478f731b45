"""What a person may type next: paths and commands as they are typed here."""

import os
import pathlib
import shlex
import sys
from collections.abc import Collection, Iterable

_ROOT = str(pathlib.Path(__file__).resolve().parents[1])


def of_module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of this project as `python -m` does, from any folder.

    `python -m` itself looks for modules in the current folder first, where a user may have a
    flags.py or a trainers.py.
    """
    code = (
        f"import runpy, sys; sys.path[0], sys.argv[0] = {_ROOT!r}, '-m'; "
        f"runpy.run_module({name!r}, run_name='__main__', alter_sys=True)"
    )
    return [sys.executable, "-c", code, *arguments]


def shown(module: str, *arguments: str) -> str:
    """The command that runs a module of this project, as it can be typed here."""
    python = shown_path(pathlib.Path(sys.executable))
    return shlex.join([python, "-m", module, *arguments])


def without(names: Collection[str], arguments: Iterable[str]) -> list[str]:
    """The arguments but for flags of these names, as --name=value or --name value."""
    kept, rest = [], iter(arguments)
    for argument in rest:
        name, has_value, _ = argument.partition("=")
        if not name.startswith("-") or name.lstrip("-") not in names:
            kept.append(argument)
        elif not has_value:
            next(rest, None)
    return kept


def own(module: str) -> str:
    """This process's own command, as a record of it has it: of no machine's folders."""
    return shlex.join(["python", "-m", module, *sys.argv[1:]])


def tensorboard_command(logdir: str) -> str:
    """The command that shows the logs below `logdir`, as it can be typed here."""
    # Without an activated environment the script is found beside its interpreter only.
    script = pathlib.Path(sys.executable).with_name("tensorboard")
    program = shown_path(script) if script.exists() else "tensorboard"
    return shlex.join([program, f"--logdir={logdir}"])


def shown_path(path: pathlib.Path) -> str:
    """The path as a person would type it: relative where it lies below the current directory."""
    absolute = pathlib.Path(os.path.abspath(path))
    below = absolute.is_relative_to(pathlib.Path.cwd())
    return str(absolute.relative_to(pathlib.Path.cwd()) if below else absolute)
