"""What Keras's `fit` and its kin may be given, and what is looked at in the first batch of it."""

import itertools
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from xadv_tf import divergences
from xadv_tf.layers.perturbation_table import refuse_other_rows
from xadv_tf.methods.players import Batch, as_batch

# Deviations of images beside which a length of about 1, as methods have it by default, is lost.
_LEAST_DEVIATION, _LARGEST_DEVIATION = 0.01, 10.0


class Source:
    """The x and y of `fit`, of which the first batches can be taken before Keras takes them.

    Args:
        x: images, or batches as `as_batch` takes them: a tf.data.Dataset, a PyDataset, a generator
            or (for `train_on_batch`) one of them.
        y: labels of images.
        batch_size: of images.

    Attributes:
        x: to be handed to Keras. What was taken of a generator comes again.
        y: to be handed to Keras; a list of labels is an array here.

    Raises:
        ValueError: for an x of another kind, an x without images, or one without labels.
    """

    def __init__(self, x: Any, y: Any = None, batch_size: int | None = None) -> None:
        self.x = x
        self.y = np.asarray(y) if isinstance(y, list | tuple) else y
        self._batch_size = batch_size or 32
        if isinstance(x, types.GeneratorType):
            self._taken: list[Any] = []
            self.x = self._replayed(x)
        elif not self._holds_batches and not hasattr(x, "shape"):
            raise ValueError(
                "x must be one array of images, or batches from a tf.data.Dataset, a PyDataset or "
                f"a generator. Received: x of type {type(x).__name__}"
            )
        elif not self._holds_batches and y is None:
            raise ValueError("y must be the labels of the images x. Received: y=None")
        elif not self._holds_batches and 0 in tuple(x.shape):
            raise ValueError(f"x must hold images. Received: x of shape {tuple(x.shape)}")

    @property
    def _holds_batches(self) -> bool:
        kinds = (tf.data.Dataset, keras.utils.PyDataset, types.GeneratorType, dict)
        return isinstance(self.x, (*kinds, tf.distribute.DistributedDataset))

    def batches(self) -> Iterator[Batch]:
        """The batches in order, as often as it is called."""
        if isinstance(self.x, dict):
            yield as_batch(self.x)
        elif isinstance(self.x, types.GeneratorType):
            for i in itertools.count():
                while i >= len(self._taken):
                    item = next(self._rest, None)
                    if item is None:
                        return
                    self._taken.append(item)
                yield as_batch(self._taken[i])
        elif isinstance(self.x, keras.utils.PyDataset):
            count = self.x.num_batches
            for i in itertools.count() if count is None else range(count):
                yield as_batch(self.x[i])
        elif isinstance(self.x, tf.distribute.DistributedDataset):
            yield from (as_batch(tf.nest.map_structure(_gathered, parts)) for parts in self.x)
        elif self._holds_batches:
            yield from map(as_batch, self.x)
        else:
            for i in range(0, len(self.x), self._batch_size):
                part = slice(i, i + self._batch_size)
                yield as_batch((self.x[part], self.y[part]))

    def image_shape(self) -> tuple[int | None, ...]:
        """Shape of a batch of images, [None, ...]."""
        if isinstance(self.x, tf.data.Dataset):
            shape = as_batch(self.x.element_spec)["labeled"]["image"].shape
        elif self._holds_batches:
            shape = next(self.batches())["labeled"]["image"].shape
        else:
            shape = self.x.shape
        return (None, *shape[1:])

    def labels(self, first: Batch) -> Any:
        """All labels where they are an array, else those of the first batch."""
        return first["labeled"]["label"] if self._holds_batches else self.y

    def check(self, num_classes: int, weight: Any = None) -> None:
        """Raises ValueError for arrays, or for the one batch, that hold what is no example.

        Of a dataset and the like nothing is taken here; see `check_batch`.

        Args:
            num_classes: as for `check_labels`.
            weight: `sample_weight` of images.
        """
        if isinstance(self.x, dict):
            check_batch(as_batch(self.x), num_classes)
        elif not self._holds_batches:
            check_images(self.x)
            check_labels(self.y, num_classes)
            if weight is not None:
                check_weight(weight, len(self.x))

    def _replayed(self, generator: Any) -> Any:
        self._rest = generator

        def items() -> Iterator[Any]:
            yield from self._taken
            yield from self._rest

        return items()


def _gathered(value: Any) -> Any:
    """The global batch of what replicas have parts of."""
    distributed = isinstance(value, tf.distribute.DistributedValues)
    return tf.concat(value.values, axis=0) if distributed else value


def with_class_weight(dataset: tf.data.Dataset, class_weight: Mapping[int, float]) -> Any:
    """Batches {"labeled", "unlabeled"} whose labeled examples have the weight of their class.

    Args:
        dataset: of such batches; a weight that they have is multiplied.
        class_weight: {class: weight}, 1 for those that are left out.
    """
    known = tf.lookup.KeyValueTensorInitializer(
        tf.constant(list(class_weight), tf.int64),
        tf.constant(list(class_weight.values()), tf.float32),
    )
    table = tf.lookup.StaticHashTable(known, 1.0)

    def weigh(batch: Batch) -> Batch:
        labeled = batch["labeled"]
        weight = table.lookup(tf.cast(divergences.class_labels(labeled["label"]), tf.int64))
        weight *= labeled.get("weight", 1.0)
        return {**batch, "labeled": {**labeled, "weight": weight}}

    return dataset.map(weigh)


def check_batch(batch: Batch, num_classes: int, num_rows: int | None = None) -> None:
    """Raises ValueError for a batch of which something is no image, label, weight or index.

    Args:
        batch: of a data set.
        num_classes: as for `check_labels`.
        num_rows: of the table that an index is a place in; None for no table.
    """
    for examples in (batch["labeled"], batch["unlabeled"]):
        if num_rows is not None and "index" in examples:
            refuse_other_rows(examples["index"], num_rows)
        for name in ("image", "second_image"):
            if name in examples:
                check_images(examples[name])
    labeled = batch["labeled"]
    check_labels(labeled["label"], num_classes)
    if labeled.get("weight") is not None:
        check_weight(labeled["weight"], labeled["image"].shape[0])


def check_images(images: Any) -> None:
    """Raises ValueError for images that are not finite real numbers.

    Args:
        images: [batch, ...]; the values of an array that may not be in memory are not looked at.
    """
    # By its numbers: bfloat16 has a kind of its own.
    if any(kind in str(images.dtype) for kind in ("complex", "string", "object", "<U", "|S")):
        raise ValueError(
            f"the images must be real numbers. Received: images of dtype {images.dtype}"
        )
    if isinstance(images, np.ndarray | tf.Tensor):
        _refuse_not_finite("the images", "images", images)


def check_weight(weight: Any, count: int) -> None:
    """Raises ValueError unless weights are `count` finite numbers, [count] or [count, 1]."""
    weight = np.asarray(weight)
    if weight.shape not in ((count,), (count, 1)):
        raise ValueError(
            f"sample_weight must be one number an example, {(count,)}. "
            f"Received: sample_weight of shape {weight.shape}"
        )
    _refuse_not_finite("sample_weight", "sample_weight", weight)


def _refuse_not_finite(what: str, name: str, values: Any) -> None:
    values = np.asarray(values)
    # Both pass on a NaN, and need no array of truth values as large as the images.
    for extreme in (np.min(values), np.max(values)) if values.size else ():
        if not np.isfinite(float(extreme)):
            raise ValueError(f"{what} must be finite. Received: {name} with the value {extreme}")


def check_labels(labels: Any, num_classes: int) -> None:
    """Raises ValueError for labels that are no classes of the classifier.

    Args:
        labels: as `divergences.cross_entropy` takes them.
        num_classes: of the classifier; 0 where it is not known.
    """
    if np.asarray(labels).dtype == object:
        raise ValueError("labels must be numbers. Received: labels of dtype object")
    labels = tf.convert_to_tensor(labels)
    divergences.class_labels(labels)
    if not tf.size(labels):
        return
    if divergences.is_distribution(labels):
        if num_classes:
            divergences.cross_entropy(labels[:1], tf.zeros([1, num_classes]))
        _refuse_no_distribution(np.asarray(tf.cast(labels, tf.float32)))
    elif num_classes and int(np.max(labels)) >= num_classes:
        raise ValueError(
            f"labels must be less than {num_classes}, the classes of the classifier. "
            f"Received: label {int(np.max(labels))}"
        )


def _refuse_no_distribution(rows: Any) -> None:
    sums = np.sum(rows, axis=-1)
    # Half precision keeps a sum of 1 to about a hundredth.
    fit = (np.min(rows, axis=-1) >= 0.0) & ((np.abs(sums - 1.0) < 0.02) | (sums == 0.0))
    if not np.all(fit):
        raise ValueError(
            "labels of shape [batch, classes] must be one-hot or a distribution, or 0 where none "
            f"is known. Received: the label {rows[np.argmin(fit)].tolist()}"
        )


def warn_of_scale(image: Any, names: Sequence[str]) -> None:
    """Warns of images beside whose deviation a method's lengths are next to nothing, or all.

    Args:
        image: [batch, ...].
        names: what of the method is in the images' units.
    """
    values = np.asarray(image, np.float64)
    deviation = float(np.std(values)) if values.size else 1.0
    if not names or deviation == 0.0 or _LEAST_DEVIATION <= deviation <= _LARGEST_DEVIATION:
        return
    low, high = float(np.min(values)), float(np.max(values))
    factor = 255.0 if 0.0 <= low and 1.5 < high <= 255.0 else deviation
    warnings.warn(
        f"the images should have a deviation of about 1, for {' and '.join(names)} are in their "
        f"units: divide them by {factor:.4g} before the method sees them, and not in a layer of "
        f"the classifier. Received: images from {low:.4g} to {high:.4g} with the "
        f"deviation {deviation:.3g}",
        stacklevel=4,
    )
