import os
import pathlib
import re
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from xadv_tf.data import prepared
from xadv_tf.data.errors import DataError

_SHARED = pathlib.Path(__file__).parents[3].parent / "shared" / "tfds"


def _features(shape=(4, 5, 3), dtype=np.uint8, **changes):
    return {
        "image": tfds.features.Image(shape=shape, dtype=dtype),
        "label": tfds.features.ClassLabel(num_classes=3),
        "coarse": tfds.features.ClassLabel(num_classes=2),
        **changes,
    }


def _examples(count, start=0, shape=(4, 5, 3)):
    """Images whose pixels all say which they are; labels 0, 1, 2, 0, ..."""
    for number in range(start, start + count):
        yield {"image": np.full(shape, number, np.uint8), "label": number % 3, "coarse": 1}


def _store(folder, name="shapes", features=None, config=None, **splits):
    splits = splits or {"train": _examples(6), "test": _examples(3, 6), "extra": _examples(2, 9)}
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="2.0.1",
        config=config,
        features=tfds.features.FeaturesDict(features or _features()),
        split_datasets={split: list(enumerate(examples)) for split, examples in splits.items()},
        data_dir=str(folder),
        disable_shuffling=True,
    )
    return str(folder)


def _load(name, folder, download=False):
    return prepared.load(name, data_dir=folder and str(folder), download=download)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    return _store(tmp_path_factory.mktemp("tfds"))


def test_shapes_classes_and_order_come_from_the_files(shapes):
    own = _load("shapes", shapes)
    assert (own.name, own.num_classes, own.image_shape) == ("shapes", 3, (4, 5, 3))
    np.testing.assert_array_equal(own.train_images[:, 0, 0, 0], np.arange(6))
    np.testing.assert_array_equal(own.train_labels, np.arange(6) % 3)
    np.testing.assert_array_equal(own.test_images[:, 3, 4, 2], [6, 7, 8])
    np.testing.assert_array_equal(own.test_labels, [0, 1, 2])
    assert own.train_images.dtype == np.uint8 and own.train_labels.dtype == np.int32


def test_a_further_split_is_trained_on_as_well(shapes):
    own = _load("shapes+extra", shapes)
    np.testing.assert_array_equal(own.train_images[:, 0, 0, 0], [0, 1, 2, 3, 4, 5, 9, 10])
    np.testing.assert_array_equal(own.train_labels, [0, 1, 2, 0, 1, 2, 0, 1])
    assert len(own.test_labels) == 3


def test_a_version_may_be_named(shapes):
    assert _load("shapes:2.0.1", shapes).num_classes == 3
    with pytest.raises(DataError, match="'shapes:1.0.0' cannot be opened"):
        _load("shapes:1.0.0", shapes)


@pytest.mark.parametrize("further", ["test", "train", "none", "extra+extra"])
def test_splits_that_cannot_be_trained_on(shapes, further):
    with pytest.raises(
        DataError, match=rf"than train and test: extra\. Received: {re.escape(further)}$"
    ):
        _load(f"shapes+{further}", shapes)


def test_the_folder_comes_from_the_environment_when_no_argument_names_it(shapes, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", shapes)
    assert _load("shapes", None).num_classes == 3


def test_grey_images_and_a_configuration(tmp_path):
    grey = {
        "train": _examples(3, shape=(6, 6, 1)),
        "validation": _examples(3, shape=(6, 6, 1)),
    }
    _store(tmp_path, config="small", features=_features((6, 6, 1)), **grey)
    own = _load("shapes/small", tmp_path)
    assert own.image_shape == (6, 6, 1)
    assert len(own.test_images) == 3  # Of the split "validation", for want of another.


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": _examples(3)}, "a split test or validation. Received: train"),
        ({"test": _examples(3)}, "must have a split named train.*Received: the splits test"),
        (
            {"train": [{"image": np.zeros((4, 5, 3), np.uint8), "label": -1, "coarse": 0}] * 2}
            | {"test": _examples(3)},
            r"training labels .* in \[0, 3\), or be -1 for none\. Received: labels from -1 to -1",
        ),
    ],
)
def test_splits_that_do_not_serve(tmp_path, splits, message):
    with pytest.raises(DataError, match=message) as caught:
        _load("shapes", _store(tmp_path, **splits))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (_features((None, None, 3)), r"of one size, .* Received: uint8 \(None, None, 3\)"),
        (_features((4, 5, 1), np.uint16), r"must be bytes .* Received: uint16 \(4, 5, 1\)"),
        (
            _features(label=np.int64),
            r"a ClassLabel\. Received: the features coarse \(\w+\), image \(Image\), label \(\w+\)",
        ),
        (_features(image=tfds.features.Text()), r"kind Image, .* image \(Text\), label"),
    ],
)
def test_features_that_are_no_images_of_classes(tmp_path, features, message):
    image = "none" if isinstance(features["image"], tfds.features.Text) else None
    if image is None:
        shape = (4, 5, features["image"].shape[-1])
        image = np.zeros(shape, features["image"].np_dtype)
    example = {"image": image, "label": 0, "coarse": 0}
    _store(tmp_path, features=features, train=[example], test=[example])
    with pytest.raises(DataError, match=message) as caught:
        _load("shapes", tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_data_says_what_brings_it(shapes, tmp_path):
    message = rf"^data_dir .* the data set 'mnist', .*download=True .*; {shapes} holds shapes\."
    with pytest.raises(DataError, match=message) as caught:
        _load("mnist", shapes)
    assert str(caught.value).endswith(f"Received: data_dir='{shapes}'")
    with pytest.raises(DataError, match=rf"{tmp_path} holds no data set\. "):
        _load("mnist", tmp_path)
    with pytest.raises(DataError, match=r"nowhere does not exist\. "):
        _load("mnist", tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "mnits",
            r"digits, folder:PATH, .* \(mnist\?\); .*holds shapes\. Received: dataset='mnits', ",
        ),
        ("shape", r"\(shapes\?\); .*Received: dataset='shape'"),
        ("huggingface:mnist", "Received: dataset='huggingface:mnist'"),
        ("mnist/a/b=c", "Received: dataset='mnist/a/b=c'"),
        ("../shapes", "Received: dataset='../shapes'"),
        ("", "Received: dataset=''"),
    ],
)
def test_unknown_names(shapes, name, message):
    with pytest.raises(DataError, match=message) as caught:
        _load(name, shapes)
    assert "\n" not in str(caught.value)


def test_a_module_that_the_description_names_is_not_imported(tmp_path, monkeypatch):
    _store(tmp_path)
    (tmp_path / "planted.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "shapes" / "2.0.1" / "features.json"
    described = file.read_text()
    kind = "tensorflow_datasets.core.features.image_feature.Image"
    assert kind in described
    file.write_text(described.replace(kind, "planted.Image"))
    with pytest.raises(DataError, match=r"features\.json .* Received: 'planted\.Image'$"):
        _load("shapes", tmp_path)
    assert "planted" not in sys.modules


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\x00", b'{"splits": 3}'])
def test_a_damaged_description_of_the_data_set_is_one_sentence(content, tmp_path):
    _store(tmp_path)
    (tmp_path / "shapes" / "2.0.1" / "dataset_info.json").write_bytes(content)
    with pytest.raises(DataError, match="data set 'shapes'") as caught:
        _load("shapes", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_damaged_file_is_reported(tmp_path):
    _store(tmp_path)
    (file,) = tmp_path.glob("shapes/2.0.1/*train*")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be read; prepare it again. Received: ") as caught:
        _load("shapes", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_download_that_fails_is_one_sentence(tmp_path, monkeypatch):
    def fail(self):
        raise RuntimeError("No route to host\nand a long story")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    with pytest.raises(DataError, match="could not be downloaded. Received: No route to host$"):
        _load("mnist", tmp_path, download=True)


def _real(name):
    folder = os.environ.get("TFDS_DATA_DIR") or str(_SHARED)
    if not os.path.isdir(os.path.join(folder, name)):
        pytest.skip(f"no prepared {name}: neither in TFDS_DATA_DIR nor in ../shared/tfds")
    return _load(name, folder)


def test_mnist():
    mnist = _real("mnist")
    assert mnist.train_images.shape == (60000, 28, 28, 1)
    assert mnist.test_images.shape == (10000, 28, 28, 1)
    assert mnist.train_images.dtype == np.uint8 and mnist.train_labels.dtype == np.int32
    assert mnist.image_shape == (28, 28, 1) and mnist.num_classes == 10
    # LeCun, Cortes & Burges: MNIST's test set has 980 zeros and 1,135 ones.
    np.testing.assert_array_equal(np.bincount(mnist.test_labels)[:2], [980, 1135])


def test_cifar10():
    cifar10 = _real("cifar10")
    assert cifar10.image_shape == (32, 32, 3) and cifar10.num_classes == 10
    assert cifar10.class_names[:3] == ("airplane", "automobile", "bird")
    assert cifar10.train_images.shape == (len(cifar10.train_labels), 32, 32, 3)
    assert set(np.unique(cifar10.test_labels)) == set(range(10))
