"""What a figure comes to: the picture, and what is said beside it."""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from xadv_tf import figures


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A figure, ready to be written.

    Attributes:
        picture: a matplotlib figure.
        told: what is printed of it: texts, or what rich prints.
        animate: writes the animation to a file, where the figure has one.
        dpi: pixels an inch; fewer where many images are noise, which no compression makes small.
    """

    picture: Any
    told: Sequence[Any] = ()
    animate: Callable[[pathlib.Path], None] | None = None
    dpi: int = 150

    def save(self, output: str) -> None:
        """Writes the picture or, to a name of an animation, the animation."""
        if pathlib.Path(output).suffix[1:] in figures.ANIMATIONS and self.animate is not None:
            self.animate(pathlib.Path(output))
        else:
            figures.save(self.picture, output, dpi=self.dpi)
