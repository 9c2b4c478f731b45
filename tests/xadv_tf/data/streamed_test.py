import pathlib

import numpy as np
import pytest
import tensorflow_datasets as tfds

from xadv_tf.data import StreamedImages, datasets, prepared
from xadv_tf.data.errors import DataError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "xadv_tf"


def _store(folder, encoding_format="png", file_format=None):
    """Grey noise, shuffled over three files a split; of 20, tfds would interleave parts."""
    rng = np.random.default_rng(0)
    features = {
        "id": tfds.features.Text(),
        "image": tfds.features.Image(shape=(6, 5, 1), encoding_format=encoding_format),
        "label": tfds.features.ClassLabel(num_classes=4),
    }
    splits = {
        split: [
            (i, {"id": f"{split}{i}", "image": image, "label": i % 4})
            for i, image in enumerate(rng.integers(0, 256, (count, 6, 5, 1)).astype(np.uint8))
        ]
        for split, count in (("train", 60), ("test", 9), ("extra", 7))
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name="noise",
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets=splits,
        data_dir=str(folder),
        file_format=file_format,
        download_config=tfds.download.DownloadConfig(num_shards=3),
    )
    return str(folder)


@pytest.mark.parametrize(
    ("name", "encoding_format"), [("noise", "png"), ("noise+extra", "png"), ("noise", "jpeg")]
)
def test_it_is_the_data_set_that_is_read_into_memory(name, encoding_format, tmp_path, cache):
    folder = _store(tmp_path, encoding_format)
    assert len(list((tmp_path / "noise" / "1.0.0").glob("*train*-of-00003"))) == 3
    memory = prepared.load(name, data_dir=folder, download=False)
    streamed = datasets.load(name, data_dir=folder, stream=True)
    assert (streamed.name, streamed.num_classes) == (name, 4)
    assert streamed.image_shape == memory.image_shape == (6, 5, 1)
    for part in ("train", "test"):
        images, labels = (getattr(streamed, f"{part}_{kind}") for kind in ("images", "labels"))
        assert isinstance(images, StreamedImages)
        np.testing.assert_array_equal(images[:], getattr(memory, f"{part}_images"))
        np.testing.assert_array_equal(labels, getattr(memory, f"{part}_labels"))
        assert labels.dtype == np.int32
    assert len(list(cache.iterdir())) == 2  # One index a part.


def test_only_tfrecords_are_streamed(tmp_path):
    folder = _store(tmp_path, file_format="array_record")
    with pytest.raises(DataError, match=r"TFRecords to be streamed.*in array_record"):
        datasets.load("noise", data_dir=folder, stream=True)


def test_a_missing_file_is_an_error_of_the_data(tmp_path):
    folder = pathlib.Path(_store(tmp_path))
    missing = folder / "noise" / "1.0.0" / "noise-train.tfrecord-00001-of-00003"
    missing.unlink()
    with pytest.raises(DataError, match=f"{missing}"):
        datasets.load("noise", data_dir=str(folder), stream=True)


@pytest.mark.parametrize("name", ["digits", "folder:images", "images.npz"])
def test_what_is_read_into_memory_is_not_streamed(name):
    with pytest.raises(DataError, match=f"Received: stream=True, dataset='{name}'"):
        datasets.load(name, stream=True)
