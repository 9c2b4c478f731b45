"""Prepared sets of tensorflow_datasets whose images stay in their TFRecords."""

from typing import Any

from xadv_tf.data import prepared, records
from xadv_tf.data.dataset import Dataset
from xadv_tf.data.errors import DataError
from xadv_tf.data.streams import StreamedImages


def load(name: str, *, data_dir: str | None, download: bool) -> Dataset:
    """Finds the records of a prepared data set, and reads their labels.

    The first time, that takes as long as reading all the files once; see `records.index`. The
    examples have the positions that they have when `prepared.load` reads them.

    Args:
        name: see `prepared.load`.
        data_dir: see `datasets.load`.
        download: see `datasets.load`.

    Returns:
        A data set with `StreamedImages` where one in memory has arrays.

    Raises:
        DataError: see `prepared.load`; or the files are no TFRecords.
    """
    import tensorflow_datasets as tfds

    own_name, *further = name.split("+")
    builder = prepared.open_builder(own_name, data_dir=data_dir, download=download)
    if builder.info.file_format != tfds.core.FileFormat.TFRECORD:
        raise DataError(
            f"The data set {name!r} must be kept in TFRecords to be streamed. "
            f"Received: {builder.data_dir} in {builder.info.file_format.value}"
        )
    image, label = prepared.image_and_label(own_name, builder)
    features = builder.info.features
    parts = []
    for split in prepared.train_and_test(name, further, list(builder.info.splits)):
        paths = [str(part.filename) for part in builder.info.splits[split].file_instructions]
        found, labels = records.index(paths, _reader(features, label))
        images = StreamedImages(found, _reader(features, image), features[image].shape)
        parts.append((images, labels))
    train, test = parts
    names = tuple(features[label].names)
    return Dataset(name, len(names), features[image].shape, *train, *test, class_names=names)


def _reader(features: Any, name: str) -> Any:
    """Serialized record -> the value of one feature, as tensorflow_datasets decodes it."""
    import tensorflow_datasets as tfds

    only = tfds.features.FeaturesDict({name: features[name]})
    return lambda record: only.deserialize_example(record)[name]
