"""Defines the flags of an experiment: each says what it is, and which values it may have.

absl's own bounds include their ends and let NaN pass, and it has no lists of numbers: both are
here. A flag is a setting of the training unless its definition says that it is something else.
"""

import enum
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from absl import flags

# The flags belong to the module that calls.
flags.disclaim_key_flags()


class Kind(enum.Enum):
    """What a flag of an experiment is; who takes, shows or varies it follows from that."""

    METHOD = "which method is trained: what tells the rows of a table apart"
    TASK = "on what runs are compared: data, labels, length, seed; no search varies it"
    SETTING = "how it is trained; it may be searched and overridden"
    RECORD = "how often something is written down; it changes no number"
    PLACE = "where the data lie and on what it runs"
    CALL = "of one call of a program, and no part of what the run is"


_kinds: dict[str, Kind] = {}
_searches: dict[str, str] = {}
# What the definitions said: {flag: its kind}, and {flag: the range that a search has for it}.
KINDS: Mapping[str, Kind] = MappingProxyType(_kinds)
SEARCHES: Mapping[str, str] = MappingProxyType(_searches)


def string(name: str, default: str | None, description: str, *, kind: Kind = Kind.SETTING) -> None:
    """Defines a flag whose value is any text, or None."""
    flags.DEFINE_string(name, default, description)
    _kinds[name] = kind


def boolean(
    name: str, default: bool | None, description: str, *, kind: Kind = Kind.SETTING
) -> None:
    """Defines a flag that is given as --name or --noname."""
    flags.DEFINE_boolean(name, default, description)
    _kinds[name] = kind


def enumeration(
    name: str,
    default: str | None,
    choices: Sequence[str],
    description: str,
    *,
    kind: Kind = Kind.SETTING,
) -> None:
    """Defines a flag whose value is one of some words, or None."""
    flags.DEFINE_enum(name, default, choices, description)
    _kinds[name] = kind


def integer(
    name: str,
    default: int | None,
    description: str,
    *,
    at_least: int | None = None,
    at_most: int | None = None,
    kind: Kind = Kind.SETTING,
) -> None:
    """Defines a flag whose value is a whole number within the bounds, or None."""
    flags.DEFINE_integer(name, default, description, lower_bound=at_least, upper_bound=at_most)
    _kinds[name] = kind


def number(
    name: str,
    default: float | None,
    description: str,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    below: float = math.inf,
    at_most: float = math.inf,
    kind: Kind = Kind.SETTING,
    search: str | None = None,
) -> None:
    """Defines a flag whose value is a finite number within the bounds, or None.

    Args:
        name: of the flag.
        default: its value where it is not given.
        description: for --help.
        above: a bound, itself not allowed.
        at_least: a bound, itself allowed.
        below: a bound, itself not allowed.
        at_most: a bound, itself allowed.
        kind: what the flag is.
        search: the range that a search has for it whatever the method, written as --search is;
            what only some methods search stands in flags/methods.py.
    """
    bounds = {"above": above, "at least": at_least, "below": below, "at most": at_most}
    given = [f"{word} {bound:g}" for word, bound in bounds.items() if math.isfinite(bound)]

    def holds(value: float | None) -> bool:
        if value is None:
            return True
        _refuse_nonfinite(value)
        return above < value and at_least <= value and value < below and value <= at_most

    flags.DEFINE_float(name, default, description)
    flags.register_validator(name, holds, f"must be {' and '.join(given)}")
    _kinds[name] = kind
    if search is not None:
        _searches[name] = search


def numbers(name: str, default: list[float] | None, description: str, *, at_least: float) -> None:
    """Defines a flag whose value is a list of finite numbers with commas between, or None."""

    def holds(values: list[float] | None) -> bool:
        for value in values or ():
            _refuse_nonfinite(value)
        return all(at_least <= value for value in values or ())

    serializer = flags.CsvListSerializer(",")
    flags.DEFINE(_NumbersParser(), name, default, description, serializer=serializer)
    flags.register_validator(
        name, holds, f"must be numbers of at least {at_least:g} with commas between"
    )
    _kinds[name] = Kind.SETTING


def _refuse_nonfinite(value: float) -> None:
    # inf is above 0: that it must be would be no answer.
    if not math.isfinite(value):
        raise flags.ValidationError("must be finite")


class _NumbersParser(flags.ListParser):
    def parse(self, argument: Any) -> Any:
        try:
            return [float(value) for value in super().parse(argument)]
        except ValueError as error:
            raise ValueError("must be numbers with commas between") from error
