"""Animations: figures one after the other in one file."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

ANIMATIONS = ("gif", "apng")
# Of 256 that a GIF may have: fewer make it smaller, and pictures of areas and points need few.
_COLORS = 64
_FRAMES_IN_PALETTE = 4


def save_animation(
    frames: Sequence[npt.NDArray[np.uint8]],
    path: str | os.PathLike[str],
    *,
    milliseconds: int = 150,
    last_milliseconds: int = 2000,
) -> None:
    """Writes frames as a GIF or an APNG that goes round; aside first, then renamed.

    Args:
        frames: one or more, each uint8 [height, width, 3], all of one size.
        path: the file; its ending is the format, one of `ANIMATIONS`. Its directory is made if
            missing.
        milliseconds: for which a frame stands.
        last_milliseconds: for which the last one does.

    Raises:
        ValueError: for no frame, frames of several sizes, or another ending.
    """
    path = pathlib.Path(path)
    if path.suffix[1:] not in ANIMATIONS:
        raise ValueError(
            f"An animation's file must end in .{', .'.join(ANIMATIONS)}. Received: {path}"
        )
    if len({frame.shape for frame in frames}) != 1:
        raise ValueError(
            "frames must be one or more, all of one size. "
            f"Received: shapes {[frame.shape for frame in frames]}"
        )
    images = [Image.fromarray(frame) for frame in frames]
    if path.suffix == ".gif":
        # One palette for all, of some of them: with palettes of their own, colours flicker.
        some = np.linspace(0, len(frames) - 1, min(len(frames), _FRAMES_IN_PALETTE)).astype(int)
        palette = Image.fromarray(np.concatenate([frames[i] for i in some])).quantize(_COLORS)
        images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    durations = [milliseconds] * (len(images) - 1) + [last_milliseconds]
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    kind = {"gif": "GIF", "apng": "PNG"}[path.suffix[1:]]
    try:
        images[0].save(aside, kind, save_all=True, append_images=images[1:], duration=durations,
                       loop=0)  # fmt: skip
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
