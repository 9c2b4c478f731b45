"""Runs a module of this project in a process of its own, for measurements that need one."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from trainers import called, commands


def run(module: str, task: Mapping[str, Any], *, what: str) -> dict[str, Any]:
    """Calls a module with its task; passes its lines of progress on; returns its last line.

    Args:
        module: reads a task as JSON from its command line; writes lines of progress, then a line
            of JSON, to stdout.
        task: what it is to do.
        what: it measures, for the message.

    Raises:
        RuntimeError: it failed; its own words are on stderr.
    """
    line = "{}"
    command = commands.of_module(module, json.dumps(task))
    with called.started(command, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout or ():
            if not line.startswith("{"):
                report(f"  {line.rstrip()}")
    if child.returncode:
        raise RuntimeError(
            f"The process that measured {what} failed and has said why. "
            f"Received: exit status {child.returncode}"
        )
    measured: dict[str, Any] = json.loads(line)
    return measured


def report(line: str) -> None:
    """Shows a line of progress."""
    print(line, file=sys.stderr, flush=True)
