"""How several methods are told apart in one picture: in colour, in grey, and by colour-blind eyes.

Each has a colour, a dash and a marker of its own, so that no reader depends on one of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """How one of several looks.

    Attributes:
        color: of Okabe and Ito's, which all kinds of colour blindness tell apart; their greys
            differ too.
        dash: matplotlib's linestyle.
        marker: matplotlib's.
    """

    color: str
    dash: str | tuple[int, tuple[float, ...]]
    marker: str


_ALL = (
    Series("#000000", "solid", "o"),
    Series("#0072b2", (0, (5, 1.5)), "s"),
    Series("#d55e00", (0, (1, 1)), "^"),
    Series("#009e73", (0, (5, 1, 1, 1)), "D"),
    Series("#cc79a7", (0, (8, 2)), "v"),
    Series("#e69f00", (0, (3, 1, 1, 1, 1, 1)), "P"),
    Series("#56b4e9", (0, (2, 2)), "X"),
)


def series(number: int) -> Series:
    """The look of the method of this number; those after seven have the colours once more.

    Args:
        number: 0 and up; 49 look different.
    """
    other = _ALL[(number + number // len(_ALL)) % len(_ALL)]
    return Series(_ALL[number % len(_ALL)].color, other.dash, other.marker)
