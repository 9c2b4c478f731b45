"""Image-classification sets of tensorflow_datasets, by name, as they lie prepared in a folder."""

import difflib
import os
import pathlib
import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from xadv_tf.data import feature_kinds
from xadv_tf.data.dataset import Dataset
from xadv_tf.data.errors import DataError, NotPreparedError

# name, name/config, name:version. The rest of tfds's grammar would download or run code.
_NAME = re.compile(r"[A-Za-z]\w*(/[\w.-]+)?(:[\d*]+\.[\d*]+\.[\d*]+)?")


def load(name: str, *, data_dir: str | None, download: bool) -> Dataset:
    """Reads a prepared data set; its info says the shape of its images and its classes.

    Tested on the split "test", or on "validation" where there is no "test".

    Args:
        name: as in tensorflow_datasets, e.g. "mnist" or "emnist/balanced:3.1.0"; "NAME+SPLIT"
            trains on that split as well, e.g. "svhn_cropped+extra".
        data_dir: see `datasets.load`.
        download: see `datasets.load`.

    Raises:
        DataError: no such data set, not there, unreadable, or not of images of one size and labels.
    """
    import tensorflow_datasets as tfds

    own_name, *further = name.split("+")
    builder = open_builder(own_name, data_dir=data_dir, download=download)
    image, label = image_and_label(own_name, builder)
    train_split, test = train_and_test(name, further, list(builder.info.splits))
    features = builder.info.features
    # Decode only what is needed; but where that is everything, partial decoding takes longer.
    extra = set(features.keys()) - {image, label}
    decoders = tfds.decode.PartialDecoding({image: True, label: True}) if extra else None
    parts = []
    try:
        for split in (train_split, test):
            # One file after the other, each front to back: then an example has the same position
            # here as where it is streamed.
            examples = builder.as_dataset(
                split=split,
                batch_size=-1,
                decoders=decoders,
                read_config=tfds.ReadConfig(interleave_cycle_length=1),
            )
            part = tfds.as_numpy(examples)
            parts.append((part[image], part[label].astype(np.int32)))
    except tf.errors.OpError as error:
        raise DataError(
            f"The data set {name!r} cannot be read; prepare it again. "
            f"Received: {builder.data_dir} ({_first_line(error)})"
        ) from error
    train, tested = parts
    names = tuple(features[label].names)
    return Dataset(name, len(names), features[image].shape, *train, *tested, class_names=names)


def open_builder(name: str, *, data_dir: str | None, download: bool) -> Any:
    """The tfds builder of a data set that lies prepared in its folder.

    Args:
        name: without further splits.
        data_dir: see `datasets.load`.
        download: see `datasets.load`.

    Raises:
        DataError: no such data set, or it is not there, or is described by unknown kinds of
            features.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise DataError(
            f"The data set {name!r} needs the package tensorflow_datasets: {error}"
        ) from error
    folder = os.path.expanduser(
        data_dir or os.environ.get("TFDS_DATA_DIR") or str(tfds.core.constants.DATA_DIR)
    )
    known = tfds.list_builders(with_community_datasets=False)
    base = re.split("[/:]", name)[0]
    if not _NAME.fullmatch(name) or not (
        base in known or os.path.isdir(os.path.join(folder, base))
    ):
        close = difflib.get_close_matches(base, [*known, *_folders(folder)], n=1)
        raise DataError(
            "dataset must be digits, folder:PATH, a file PATH.npz, or a name of "
            f"tensorflow_datasets{f' ({close[0]}?)' if close else ''}; of one's own, prepared in "
            f"data_dir (or TFDS_DATA_DIR), which {_state(folder)}. "
            f"Received: dataset={name!r}, data_dir={folder}"
        )
    feature_kinds.check(pathlib.Path(folder, base))
    try:
        # Any version will do, not only the one that the installed tensorflow_datasets would make.
        builder = tfds.builder(name if ":" in name else f"{name}:*.*.*", data_dir=folder)
    except Exception as error:  # Protocol Buffers' own too, of a damaged dataset_info.json.
        raise DataError(
            f"The data set {name!r} cannot be opened. Received: {folder} ({_first_line(error)})"
        ) from error
    if os.path.isdir(builder.data_dir):
        return builder
    if not download:
        raise NotPreparedError(
            f"data_dir (or TFDS_DATA_DIR) must name a folder that holds the data set {name!r}, "
            f"unless download=True brings it there; {folder} {_state(folder)}. "
            f"Received: data_dir={data_dir!r}"
        )
    try:
        builder.download_and_prepare()
    except Exception as error:  # Each data set's own code, and whatever a network can do.
        raise DataError(
            f"The data set {name!r} could not be downloaded. Received: {_first_line(error)}"
        ) from error
    return builder


def image_and_label(name: str, builder: Any) -> tuple[str, str]:
    """Names of the features that hold the image, of a fixed size in bytes, and its class.

    Raises:
        DataError: the data set has no such features.
    """
    import tensorflow_datasets as tfds

    features, pair = builder.info.features, builder.info.supervised_keys
    image, label = pair if pair and len(pair) == 2 else ("image", "label")
    known = features.keys() if isinstance(features, tfds.features.FeaturesDict) else ()
    if not (
        {image, label} <= set(known)
        and isinstance(features[image], tfds.features.Image)
        and isinstance(features[label], tfds.features.ClassLabel)
        and features[label].num_classes
    ):
        raise DataError(
            f"The data set {name!r} must have an image, a feature of the kind Image, and its "
            f"class, a ClassLabel. Received: the features {_kinds(features, known)}"
        )
    if None in features[image].shape or features[image].np_dtype != np.uint8:
        raise DataError(
            f"The images of {name!r} must be bytes and of one size, which its info fixes. "
            f"Received: {np.dtype(features[image].np_dtype)} {features[image].shape}"
        )
    return image, label


def _kinds(features: Any, known: Collection[str]) -> str:
    if not known:
        return str(features)
    return ", ".join(f"{name} ({type(features[name]).__name__})" for name in sorted(known))


def train_and_test(name: str, further: Sequence[str], there: Sequence[str]) -> tuple[str, str]:
    """What to train on, e.g. "train+extra", and what to test on.

    Args:
        name: the data set's, for messages.
        further: splits to train on besides "train".
        there: the splits that exist.

    Raises:
        DataError: a split does not exist, is named twice, or would be both trained and tested on.
    """
    test = test_split(name, there)
    train = ("train", *further)
    if "train" not in there:
        raise DataError(
            f"The data set {name!r} must have a split named train, and one to test on. "
            f"Received: the splits {', '.join(there)}"
        )
    if not set(train) <= set(there) - {test} or len(set(train)) < len(train):
        allowed = [split for split in there if split not in ("train", test)]
        raise DataError(
            f"What follows a + must be a split of {name!r} other than train and {test}: "
            f"{', '.join(allowed) or 'it has none'}. Received: {'+'.join(further)}"
        )
    return "+".join(train), test


def test_split(name: str, there: Collection[str]) -> str:
    """The split that a data set is tested on: "test", or "validation" where there is none.

    Raises:
        DataError: it has neither.
    """
    for split in ("test", "validation"):
        if split in there:
            return split
    raise DataError(
        f"The data set {name!r} must have a split test or validation. "
        f"Received: {', '.join(there) or 'no split'}"
    )


def _folders(folder: str) -> list[str]:
    """Names of what seems to be prepared there."""
    if not os.path.isdir(folder):
        return []
    names = {entry.name for entry in os.scandir(folder) if entry.is_dir()}
    return sorted(names - {"downloads"})


def _state(folder: str) -> str:
    if not os.path.isdir(folder):
        return "does not exist"
    return f"holds {', '.join(_folders(folder)) or 'no data set'}"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
