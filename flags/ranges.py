"""Defines number flags of a range; absl's own bounds include their ends and let NaN pass.

Lists of numbers, which absl does not have, are here too.
"""

import math
from typing import Any

from absl import flags

# The flags belong to the module that calls.
flags.disclaim_key_flags()


def define_float(
    name: str,
    default: float | None,
    description: str,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    below: float = math.inf,
    at_most: float = math.inf,
) -> None:
    """Defines a flag whose value is a finite number within the bounds, or None."""
    bounds = {"above": above, "at least": at_least, "below": below, "at most": at_most}
    given = [f"{word} {bound:g}" for word, bound in bounds.items() if math.isfinite(bound)]

    def holds(value: float | None) -> bool:
        return value is None or (
            math.isfinite(value)
            and above < value
            and at_least <= value
            and value < below
            and value <= at_most
        )

    flags.DEFINE_float(name, default, description)
    flags.register_validator(name, holds, " ".join(["must be", " and ".join(given) or "finite"]))


def define_floats(
    name: str, default: list[float] | None, description: str, *, at_least: float
) -> None:
    """Defines a flag whose value is a list of finite numbers with commas between, or None."""

    def holds(values: list[float] | None) -> bool:
        return values is None or all(math.isfinite(v) and at_least <= v for v in values)

    serializer = flags.CsvListSerializer(",")
    flags.DEFINE(_FloatsParser(), name, default, description, serializer=serializer)
    flags.register_validator(
        name, holds, f"must be numbers of at least {at_least:g} with commas between"
    )


class _FloatsParser(flags.ListParser):
    def parse(self, argument: Any) -> Any:
        return [float(value) for value in super().parse(argument)]
