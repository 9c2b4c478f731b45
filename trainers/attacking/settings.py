"""What is measured of each run: attacks, their strengths, and how hard they search."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from flags.robustness import ATTACKS
from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib

FLAGS = (
    *("attacks", "linf", "l2", "removed"),
    *("attack_steps", "restarts", "queries", "num_images", "doubt"),
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """The flags of flags/robustness.py, checked; epsilons and shares rise and begin with 0."""

    attacks: tuple[str, ...]
    linf: tuple[float, ...]
    l2: tuple[float, ...]
    removed: tuple[float, ...]
    attack_steps: int
    restarts: int
    queries: int
    num_images: int | None
    doubt: bool

    def report(self) -> dict[str, Any]:
        """As it stands in JSON."""
        listed = dataclasses.asdict(self)
        return {key: list(v) if isinstance(v, tuple) else v for key, v in listed.items()}


def from_flags() -> Settings:
    """Reads them.

    Raises:
        UsageError: for an unknown attack or one named twice, for strengths that repeat, or for more
            pixels than an image has.
    """
    given = dict(zip(FLAGS, experiment_lib.program_flags(*FLAGS), strict=True))
    attacks = ATTACKS if given["attacks"] is None else given["attacks"]
    if not attacks or len(set(attacks)) < len(attacks) or not set(attacks) <= set(ATTACKS):
        raise UsageError(
            f"--attacks must name some of {', '.join(ATTACKS)}, each once. "
            f"Received: --attacks={','.join(attacks)}"
        )
    for name in ("linf", "l2", "removed"):
        given[name] = _rising(name, given[name])
    if given["removed"][-1] > 1:
        raise UsageError(
            "--removed must be shares of an image's pixels, at most 1. "
            f"Received: --removed={_text(given['removed'][1:])}"
        )
    ordered = tuple(name for name in ATTACKS if name in attacks)
    return Settings(**{**given, "attacks": ordered})


def _rising(name: str, values: Sequence[float] | None) -> tuple[float, ...]:
    values = list(values or ())
    if not any(values) or len(set(values)) < len(values):
        raise UsageError(
            f"--{name} must have numbers above 0, each once. "
            f"Received: --{name}={_text(values) or 'nothing'}"
        )
    return tuple(sorted({0.0, *values}))


def _text(values: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in values)
