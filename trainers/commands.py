"""What a person may type next: paths and commands as they are typed here."""

import os
import pathlib
import shlex
import sys


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
