"""What the header of a flagfile says that a table needs: published value, hardware and hours."""

import dataclasses
import functools
import pathlib
import re


@dataclasses.dataclass(frozen=True)
class Header:
    """The header of a flagfile of flags/experiments.

    Attributes:
        published: accuracy in percent, or None where the papers have no number.
        source: the paper that has it; else why there is none.
        hours: that the whole run takes on the hardware of the header.
        hardware: e.g. "2 cores".
    """

    published: float | None
    source: str
    hours: float
    hardware: str


@functools.cache
def read(file: pathlib.Path) -> Header:
    """Reads a header.

    Raises:
        ValueError: it lacks the line `Published: ` or `Hardware and hours: ` in their forms.
    """
    lines = file.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if line.startswith("#"))
    published = re.search(
        r"^# Published: (?:([\d.]+) % \((.+)\)|(no number; .+|not established))\.$",
        text,
        re.MULTILINE,
    )
    hours = re.search(r"^# Hardware and hours: (.+?), about ([\d.]+) h", text, re.MULTILINE)
    if not published or not hours:
        raise ValueError(f"{file} must have a header like those beside it. Received: {text[:200]}")
    value, source, why = published.groups()
    return Header(
        published=float(value) if value else None,
        source=source or why,
        hours=float(hours[2]),
        hardware=hours[1],
    )
