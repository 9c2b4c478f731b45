"""Moons and circles: two classes of points in a plane, the synthetic data of VAT's paper.

Miyato et al. (ICLR 2016) show the points of a plane in a space of 100 dimensions, so that a
perturbation may leave the plane that the data lie in. The recipe is fitted to the published points.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

NUM_CLASSES = 2
_LABELED_PER_CLASS = 8
_UNLABELED_PER_CLASS = 500


@dataclass(frozen=True)
class Points:
    """A few labeled points of two classes, and many whose labels are for testing.

    Attributes:
        name: "moons" or "circles".
        labeled: float32 [16, dimensions].
        labels: their classes, int32 [16].
        unlabeled: float32 [1000, dimensions].
        unlabeled_labels: their classes, int32 [1000], which no training sees.
        basis: orthonormal rows that span the points' plane, float32 [2, dimensions].
    """

    name: str
    labeled: Array
    labels: npt.NDArray[np.int32]
    unlabeled: Array
    unlabeled_labels: npt.NDArray[np.int32]
    basis: Array

    @property
    def dimensions(self) -> int:
        """Of the space that holds the plane."""
        return int(self.basis.shape[1])

    def in_plane(self, points: npt.NDArray[Any]) -> Array:
        """Coordinates in the plane, [..., 2], of points [..., dimensions] or of their shadows."""
        return np.asarray(points @ self.basis.T, np.float32)

    def from_plane(self, coordinates: npt.NDArray[Any]) -> Array:
        """Points [..., dimensions] of the plane from their coordinates [..., 2]."""
        return np.asarray(coordinates @ self.basis, np.float32)


def make(name: str, *, seed: int, dimensions: int = 100) -> Points:
    """Draws the labeled and the unlabeled points, and the plane that they lie in.

    Args:
        name: a key of `SHAPES`.
        seed: of all three.
        dimensions: of the space around the plane, at least 2; with 2 the plane is all there is, and
            its coordinates are the points'.

    Raises:
        ValueError: for another name, or fewer dimensions.
    """
    if name not in SHAPES:
        raise ValueError(f"name must be one of {', '.join(SHAPES)}. Received: name={name!r}")
    if dimensions < 2:
        raise ValueError(f"dimensions must be at least 2. Received: dimensions={dimensions}")
    rng = np.random.default_rng([seed, len(name)])
    basis = np.eye(2)
    if dimensions > 2:
        basis = np.linalg.qr(rng.normal(size=(dimensions, 2)))[0].T
    labels, unlabeled_labels = (
        np.repeat(np.arange(NUM_CLASSES, dtype=np.int32), count)
        for count in (_LABELED_PER_CLASS, _UNLABELED_PER_CLASS)
    )
    labeled, unlabeled = (
        np.asarray(SHAPES[name](rng, classes) @ basis, np.float32)
        for classes in (labels, unlabeled_labels)
    )
    return Points(name, labeled, labels, unlabeled, unlabeled_labels, basis.astype(np.float32))


def _moons(rng: np.random.Generator, labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Two arcs of 270 degrees around each other's ends, radius 1, noise 0.1."""
    angle = rng.uniform(np.pi / 2, 2 * np.pi, len(labels))
    arc = _on_circle(angle) + [-0.5, 0.25]
    side = np.where(labels == 0, 1.0, -1.0)  # Class 1 is class 0 mirrored at the origin.
    return arc * side[:, None] + rng.normal(0.0, 0.1, (len(labels), 2))


def _circles(rng: np.random.Generator, labels: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """A circle of radius 1/4 in one of radius 1, noise 0.05."""
    radius = np.where(labels == 0, 0.25, 1.0)
    angle = rng.uniform(0.0, 2 * np.pi, len(labels))
    return radius[:, None] * _on_circle(angle) + rng.normal(0.0, 0.05, (len(labels), 2))


def _on_circle(angle: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


SHAPES: Mapping[str, Callable[..., npt.NDArray[np.float64]]] = MappingProxyType(
    {"moons": _moons, "circles": _circles}
)
