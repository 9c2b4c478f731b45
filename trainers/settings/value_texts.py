"""Which texts a flag can have: names of files of this machine, that a flagfile can hold."""

import os
import re

from trainers.errors import UsageError

# What ext4, xfs and others have room for in a name; in a path, with what is written below it.
_LONGEST_NAME = 255
_LONGEST_PATH = 3800
_MOST_SHOWN = 200
_URL = re.compile(r"(?:\w+:)?[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def fault(text: str) -> str | None:
    """What a value must be and is not, or None. Any text may be a path: they are held to that."""
    try:
        text.encode()
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        return (
            "be text that can be encoded here: set LC_ALL=C.UTF-8, or rename a file whose name is "
            "no UTF-8"
        )
    if _URL.match(text):
        return "be on this machine, for only its files are read and written"
    if any(ord(character) < ord(" ") for character in text):
        return "be one line without control characters"
    # Several paths stand with commas between.
    longest = max(map(len, encoded.split(b",")))
    if longest > _LONGEST_PATH or max(map(len, encoded.split(b"/"))) > _LONGEST_NAME:
        return f"be a path of at most {_LONGEST_PATH} bytes, {_LONGEST_NAME} between two slashes"
    return fault_in_a_flagfile(text)


def fault_in_a_flagfile(text: str) -> str | None:
    """The same, as far as it lies in how a line of a flagfile is written."""
    if re.search(r"\s#", text):
        return "be without ' #': in a flagfile a comment has a line of its own"
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return "be without quotes, which only a shell takes away"
    return None


def shown(text: str) -> str:
    """The text as a message can have it: encodable, in one line, not too long."""
    plain = text.encode(errors="backslashreplace").decode()
    plain = "".join(each if each.isprintable() else repr(each)[1:-1] for each in plain)
    more = f"..., {len(plain)} characters"
    return plain if len(plain) <= _MOST_SHOWN else plain[:_MOST_SHOWN] + more


def refuse_in_environment(*names: str) -> None:
    """Raises UsageError for an environment variable whose text no flag could have."""
    for name in names:
        text = os.environ.get(name, "")
        if fault(text):
            raise UsageError(f"{name} must {fault(text)}. Received: {name}={shown(text)}")
