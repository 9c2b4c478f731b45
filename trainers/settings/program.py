"""How every program starts: flags read, --help shown, mistakes in one sentence with exit code 2."""

import functools
import importlib
import os
import re
import sys
import textwrap
import warnings
from collections.abc import Callable, Collection, Sequence
from typing import Any

from absl import app, logging
from absl import flags as absl_flags

from trainers import errors
from trainers.errors import UsageError
from trainers.settings import command_line, compilation_cache, interrupts, output

_HELP = {"--help", "-help", "-h", "-?", "--helpshort", "-helpshort"}
_warned: set[str] = set()
_WIDTH = 80
_INDENT = 27  # The longest name, and two spaces on either side.


def run(main: Callable[[list[str]], int], takes: Collection[str] | None = None) -> None:
    """Runs a program on the command line of this process and exits with what it returns.

    Args:
        main: (program's name and arguments that are no flags) -> exit status.
        takes: names of the flags that --help shows; None shows all of flags/.
    """
    output.protect()
    # Otherwise TensorFlow takes all of a GPU's memory, and no second program starts there.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    interrupts.raise_again()
    warnings.showwarning = _warn
    try:
        app.run(main, flags_parser=functools.partial(_parse, main=main, takes=takes))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(interrupts.STATUS)
    except errors.from_outside() as error:
        # A disk, a network or the memory failed where no program expects it.
        print(f"error: {errors.sentence(error)}", file=sys.stderr)
        sys.exit(errors.FAILED)


class Late:
    """A module that is imported when something of it is first asked for.

    A program checks its flags, and shows its --help, before it waits for TensorFlow: what needs
    TensorFlow stands in a module of trainers/work. Programs have an instance's `attribute` as their
    `__getattr__`, so that `from trainers.train import train` finds what stands there.

    Args:
        name: of the module.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        """What the module calls so."""
        if "tensorflow" not in sys.modules:
            compilation_cache.use()
        with interrupts.end_at_once():
            module = importlib.import_module(self._name)
        return getattr(module, name)

    def attribute(self, name: str) -> Any:
        """The same, but that asking for one of Python's own names imports nothing."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self, name)


def mistake(error: Exception) -> int:
    """Says on stderr what is the user's to mend, in one sentence; returns the exit status."""
    print(f"error: {in_flags(errors.sentence(error))}", file=sys.stderr)
    return errors.MISTAKE


def in_flags(message: str) -> str:
    """A message of the library, in which arguments have become the flags of the same name.

    Args:
        message: one in which an argument stands at the start, or before "=".
    """
    modules = absl_flags.FLAGS.flags_by_module_dict().items()
    names = {
        flag.name for module, flags in modules if module.startswith("flags.") for flag in flags
    }
    word = re.compile(r"(?<![-\w.{])(\w+)(?==\S)|^(\w+)")
    return word.sub(lambda m: f"--{m[0]}" if m[0] in names else m[0], message)


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    """Shows a warning in one line, where Python would add a line of our source.

    Once: a file may be looked at more than once.
    """
    line = f"warning: {in_flags(str(message))}"
    if line not in _warned:
        _warned.add(line)
        print(line, file=sys.stderr)


def _parse(argv: Sequence[str], *, main: Any, takes: Collection[str] | None) -> list[str]:
    if _HELP.intersection(argv[1:]):
        print(help_text(sys.modules[main.__module__].__doc__ or "", takes))
        sys.exit(0)
    try:
        rest = command_line.parse(absl_flags.FLAGS, argv[1:])
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    # absl would show what libraries tell of their work; --verbosity=0 does.
    if absl_flags.FLAGS["verbosity"].using_default_value:
        logging.set_verbosity(logging.ERROR)
    return [argv[0], *rest]


def help_text(description: str, takes: Collection[str] | None = None) -> str:
    """What --help prints: the flags by group, with their defaults, 80 columns wide.

    Args:
        description: of the program.
        takes: names of the flags to show; None shows all of flags/.
    """
    parts = [_wrap(paragraph) for paragraph in description.strip().split("\n\n")]
    for module, flags in sorted(absl_flags.FLAGS.flags_by_module_dict().items()):
        shown = [flag for flag in flags if takes is None or flag.name in takes]
        if module.startswith("flags.") and shown:
            title = (sys.modules[module].__doc__ or module).splitlines()[0]
            parts.append("\n".join([_wrap(title), *map(_entry, shown)]))
    parts.append(
        _wrap(
            "--flagfile=FILE reads flags from a file, one --name=value a line; the command line "
            "wins over it. --experiment=TABLE/NAME reads one that comes with this project, from "
            "any folder, e.g. --experiment=digits/vat."
        )
    )
    return "\n\n".join(parts)


def _entry(flag: Any) -> str:
    name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
    # absl writes <a|b|c>, a word too long for a line where there are many.
    text = re.sub(r"^<(\S+)>: ", lambda choices: choices[1].replace("|", ", ") + ": ", flag.help)
    if flag.default is not None:
        text += f" [{flag.default_as_str.strip(chr(39))}]"
    lines = textwrap.wrap(text, _WIDTH - _INDENT, break_long_words=False)
    head = f"  {name}".ljust(_INDENT)
    if not head.endswith(" "):
        lines.insert(0, "")
    return "\n".join([(head + lines[0]).rstrip(), *(" " * _INDENT + line for line in lines[1:])])


def _wrap(text: str) -> str:
    return textwrap.fill(text, _WIDTH)
