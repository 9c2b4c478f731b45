"""Raw files of noise in the formats of the published ones, and how the prepared sets are read."""

import dataclasses
import hashlib

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import checksums as tfds_checksums

from trainers import raw_files


def noise_images(count, shape, seed):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def noise_labels(count, classes, seed):
    return np.random.default_rng(seed).integers(0, classes, count).astype(np.uint8)


def publish(monkeypatch, dataset, folder):
    """Makes the checksums of the folder's files those that are known for the data set."""
    sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    infos = {name: tfds_checksums.UrlInfo(0, sums[name], name) for name in sums}
    monkeypatch.setattr(tfds.builder_cls(dataset), "url_infos", infos)
    files = raw_files.RAW_FILES[dataset]
    if files.checksums:
        files = dataclasses.replace(files, checksums=sums)
        monkeypatch.setitem(raw_files.RAW_FILES, dataset, files)


def load(dataset, data_dir, split):
    """Every feature of a prepared split as arrays, read as anyone would read it."""
    builder = tfds.builder(dataset, data_dir=str(data_dir))
    return tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1))
