"""What a data set is, wherever it was read from."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from xadv_tf.data.errors import DataError


class Images(Protocol):
    """Images that are indexed as a NumPy array is, wherever they are: an array is one kind."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(images, height, width, channels)."""

    @property
    def dtype(self) -> Any:
        """Of the values: uint8, or float32 for pixels that no byte holds."""

    def __len__(self) -> int:
        """How many images there are."""

    def __getitem__(self, chosen: slice | npt.NDArray[np.integer[Any]], /) -> npt.NDArray[Any]:
        """Some of the images: [n, height, width, channels]."""


@dataclass(frozen=True)
class Dataset:
    """One data set: labels in memory, images there too or streamed.

    Attributes:
        name: the name it was loaded by.
        num_classes: labels lie in [0, num_classes), at least 2.
        image_shape: (height, width, channels), 1 channel or 3.
        train_images: [num_train, height, width, channels], values 0 to 255: uint8, or float32 for
            pixels that no byte holds; or `streams.StreamedImages` of bytes.
        train_labels: int32 [num_train], -1 for an image whose class is not known.
        test_images: [num_test, height, width, channels], as train_images.
        test_labels: int32 [num_test].
        class_names: [num_classes]; by default the classes' numbers.

    Raises:
        DataError: if the arrays are anything else.
    """

    name: str
    num_classes: int
    image_shape: tuple[int, int, int]
    train_images: Images
    train_labels: npt.NDArray[np.int32]
    test_images: Images
    test_labels: npt.NDArray[np.int32]
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses what no method could train on, whichever source it came from."""
        if not self.class_names:
            numbers = tuple(str(label) for label in range(self.num_classes))
            object.__setattr__(self, "class_names", numbers)
        if len(self.class_names) != self.num_classes:
            raise DataError(
                f"The data set {self.name!r} must have a name for each of its {self.num_classes} "
                f"classes. Received: {len(self.class_names)} names"
            )
        if self.image_shape[-1] not in (1, 3):
            raise DataError(
                f"The images of {self.name!r} must be grey or coloured, with 1 or 3 channels. "
                f"Received: height, width and channels {self.image_shape}"
            )
        if self.num_classes < 2:
            raise DataError(
                f"The data set {self.name!r} must have two classes or more. "
                f"Received: {self.num_classes}"
            )
        # An image of no known class can be trained on, but tells nothing in a test.
        self._check("training", self.train_images, self.train_labels, -1)
        self._check("test", self.test_images, self.test_labels, 0)

    def _check(self, part: str, images: Images, labels: npt.NDArray[np.int32], lowest: int) -> None:
        if not len(images) or images.shape != (len(labels), *self.image_shape):
            raise DataError(
                f"The {part} set of {self.name!r} must hold images of shape {self.image_shape}, at "
                f"least one, and a label for each. Received: images {images.shape}, labels "
                f"{labels.shape}"
            )
        if labels.min() < lowest or not 0 <= labels.max() < self.num_classes:
            none = ", or be -1 for none" if lowest else ""
            raise DataError(
                f"The {part} labels of {self.name!r} must lie in [0, {self.num_classes}){none}. "
                f"Received: labels from {labels.min()} to {labels.max()}"
            )
