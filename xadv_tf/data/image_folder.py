"""A data set of one's own as image files: ROOT/train/CLASS/*.png and ROOT/test/CLASS/*.png."""

import concurrent.futures
import os
import random
import warnings
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from xadv_tf.data import orientation
from xadv_tf.data.dataset import Dataset
from xadv_tf.data.errors import DataError
from xadv_tf.data.prepared import test_split

PREFIX = "folder:"
SUFFIXES = (".png", ".jpg", ".jpeg")
# How names begin of what systems and programs put beside one's own files: .git, .DS_Store, ._a.png
# (macOS), .ipynb_checkpoints, __MACOSX, __pycache__, @eaDir (Synology).
_HIDDEN = (".", "__", "@")


class _File(NamedTuple):
    path: str
    class_name: str


def load(name: str, *, image_size: tuple[int, int] | None = None) -> Dataset:
    """Reads a folder in the layout of tfds.ImageFolder.

    The classes are the folders' names in alphabetical order. Images (.png, .jpg, .jpeg) have one
    size, or are brought to one, and are all grey or all coloured, as their files say; those that
    were taken with a turned camera, as their EXIF data says, are turned upright. Folders and files
    whose names begin with ".", "__" or "@", files of other kinds, and whatever lies deeper or less
    deep are skipped; a warning counts them.

    Args:
        name: "folder:" and the path of the root; the name that the data set goes by.
        image_size: (height, width) to which every image is resized, whatever its proportions:
            bilinear, over all the pixels that fall into one where it becomes smaller. None leaves
            the images as they are.

    Raises:
        DataError: the folder is not there or has another layout, an image cannot be read, or the
            images differ in size or channels.
    """
    root = os.path.expanduser(name.removeprefix(PREFIX))
    if not os.path.isdir(root):
        raise DataError(
            f"dataset must be {PREFIX}PATH of an existing folder. Received: dataset={name}"
        )
    if image_size is not None and min(image_size) < 1:
        raise DataError(
            "image_size must be a height and a width of at least 1. "
            f"Received: image_size={image_size}"
        )
    skipped: dict[str, list[str]] = {part: [] for part in _folders(root, "", [])}
    found = {part: _files(root, part, skipped[part]) for part in skipped}
    there = [part for part, files in found.items() if files]
    if "train" not in there:
        raise DataError(
            f"The folder {root} must hold images as train/CLASS/*.png (or .jpg). "
            f"Received: {', '.join(there) or 'no folder of folders of images'}"
        )
    parts = ("train", test_split(name, there))
    _warn(root, [path for part in parts for path in skipped[part]])
    names = sorted({file.class_name for part in parts for file in found[part]})
    images = {part: _images(name, found[part], image_size) for part in parts}
    labels = {
        part: np.array([names.index(file.class_name) for file in found[part]], np.int32)
        for part in parts
    }
    train, test = parts
    height, width, channels = images[train].shape[1:]
    return Dataset(
        name,
        len(names),
        (height, width, channels),
        images[train],
        labels[train],
        images[test],
        labels[test],
        class_names=tuple(names),
    )


def _folders(root: str, below: str, skipped: list[str]) -> list[str]:
    """Names of the folders in a folder below the root, sorted; `skipped` takes what else it has."""
    names = []
    for entry in sorted(os.listdir(os.path.join(root, below))):
        if entry.startswith(_HIDDEN) or not os.path.isdir(os.path.join(root, below, entry)):
            skipped.append(os.path.join(below, entry))
        else:
            names.append(entry)
    return names


def _files(root: str, part: str, skipped: list[str]) -> list[_File]:
    """The images of a part, in tfds.ImageFolder's order, which a seed's draws depend on."""
    files = []
    for class_name in _folders(root, part, skipped):
        for entry in sorted(os.listdir(os.path.join(root, part, class_name))):
            if entry.startswith(_HIDDEN) or not entry.lower().endswith(SUFFIXES):
                skipped.append(f"{part}/{class_name}/{entry}")
            else:
                files.append(_File(os.path.join(root, part, class_name, entry), class_name))
    random.Random(part).shuffle(files)  # noqa: S311 (no secret)
    return files


def _warn(root: str, skipped: list[str]) -> None:
    if skipped:
        examples = ", ".join(skipped[:3]) + (", ..." if len(skipped) > 3 else "")
        warnings.warn(
            f"Images are read from {root} as PART/CLASS/*{', *'.join(SUFFIXES)}, and other or "
            f"hidden files and folders are skipped. Received: {len(skipped)} of them ({examples})",
            stacklevel=3,
        )


def _images(
    name: str, files: list[_File], image_size: tuple[int, int] | None
) -> npt.NDArray[np.uint8]:
    def read(file: _File) -> npt.NDArray[np.uint8]:
        return _image(name, file.path, image_size)

    images: list[npt.NDArray[np.uint8]] = []
    with concurrent.futures.ThreadPoolExecutor() as readers:
        for file, image in zip(files, readers.map(read, files), strict=True):
            images.append(image)
            if image.shape != images[0].shape:
                raise DataError(
                    f"The images of {name} must have one size (or image_size must say which they "
                    f"are to be given) and as many channels. Received: {images[0].shape}, and "
                    f"{image.shape} in {file.path}"
                )
    return np.stack(images)


def _image(name: str, path: str, image_size: tuple[int, int] | None) -> npt.NDArray[np.uint8]:
    try:
        with open(path, "rb") as opened:
            encoded = opened.read()
    except OSError as error:
        raise DataError(
            f"The images of {name} must be readable. Received: {path} ({error.strerror})"
        ) from error
    try:
        image = tf.io.decode_image(encoded, expand_animations=False).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise DataError(
            f"The images of {name} must be whole. Received: {path}, which cannot be decoded"
        ) from error
    image = orientation.upright(image, encoded)
    if image_size is not None:
        resized = tf.image.resize(image, image_size, method="bilinear", antialias=True)
        image = tf.cast(tf.round(resized), tf.uint8).numpy()
    return np.asarray(image)
