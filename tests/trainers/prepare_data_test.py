import gzip
import hashlib
import os

import numpy as np
import pytest
from absl.testing import flagsaver
from raw_files_support import load, noise_images, noise_labels, publish
from tensorflow_datasets.image_classification import mnist as tfds_mnist

from trainers import prepare_data

_TRAIN, _TEST = 10, 5


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


@pytest.fixture
def mnist(raw, monkeypatch):
    """MNIST's four files with 10 and 5 examples; returns them as {split: (images, labels)}."""
    # TFDS's builder reads as many examples as MNIST has.
    monkeypatch.setattr(tfds_mnist, "_TRAIN_EXAMPLES", _TRAIN)
    monkeypatch.setattr(tfds_mnist, "_TEST_EXAMPLES", _TEST)
    written = {}
    for seed, (split, prefix, count) in enumerate(
        [("train", "train", _TRAIN), ("test", "t10k", _TEST)]
    ):
        images, labels = noise_images(count, (28, 28, 1), seed), noise_labels(count, 10, seed)
        # LeCun's idx: two zero bytes, 8 for bytes, the rank, each size as a big-endian int32.
        for kind, array in (("images-idx3", images[..., 0]), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
            with gzip.open(raw / f"{prefix}-{kind}-ubyte.gz", "wb") as file:
                file.write(header + array.tobytes())
        written[split] = images, labels
    for dataset in ("mnist", "fashion_mnist"):
        publish(monkeypatch, dataset, raw)
    return written


def _assert_same_examples(found, images, labels):
    # TFDS shuffles what has no id; images of noise are all different, so they say who they are.
    assert found["image"].shape == images.shape
    order = [
        next(i for i, image in enumerate(images) if np.array_equal(image, each))
        for each in found["image"]
    ]
    assert sorted(order) == list(range(len(images)))
    np.testing.assert_array_equal(found["label"], labels[order])


@pytest.mark.parametrize("dataset", ["mnist", "fashion_mnist"])
def test_idx_files(dataset, mnist, raw, tmp_path):
    builder = prepare_data.prepare(dataset, str(raw), str(tmp_path), quiet=True)
    for split, (images, labels) in mnist.items():
        _assert_same_examples(load(dataset, tmp_path, split), images, labels)
    names = builder.info.features["label"].names
    assert names[1] == {"mnist": "1", "fashion_mnist": "Trouser"}[dataset]


def test_a_prepared_set_is_left_alone_and_needs_no_raw_files(mnist, raw, tmp_path):
    data_dir = tmp_path / "tfds"
    builder = prepare_data.prepare("mnist", str(raw), str(data_dir), quiet=True)
    assert os.listdir(data_dir) == ["mnist"]  # Nothing else is left behind.
    before = {path: path.stat().st_mtime_ns for path in data_dir.rglob("*")}
    again = prepare_data.prepare("mnist", "", str(data_dir), quiet=True)
    assert again.data_dir == builder.data_dir
    assert {path: path.stat().st_mtime_ns for path in data_dir.rglob("*")} == before


def test_interrupted_half_way_leaves_no_data_set(mnist, raw, tmp_path, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(tfds_mnist, "_extract_mnist_labels", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare_data.prepare("mnist", str(raw), str(tmp_path / "tfds"), quiet=True)
    assert os.listdir(tmp_path / "tfds" / "mnist") == []
    assert os.listdir(tmp_path / "tfds") == ["mnist"]
    prepare_data.prepare("mnist", str(raw), str(tmp_path / "tfds"), quiet=True)
    assert len(load("mnist", tmp_path / "tfds", "train")["label"]) == _TRAIN


def _main(**values):
    with flagsaver.flagsaver(**values):
        return prepare_data.main(["prepare_data"])


def test_the_program_says_what_is_there_and_what_comes_next(mnist, raw, tmp_path, capfd):
    assert _main(dataset="mnist", raw_dir=str(raw), data_dir=str(tmp_path)) == 0
    out = capfd.readouterr().out
    assert f"{tmp_path}/mnist/3.0.1: train 10, test 5\n" in out
    assert f"trainers.train --dataset=mnist --data_dir={tmp_path} " in out
    assert "checking train-images-idx3-ubyte.gz" in out and "writing mnist" in out
    assert "Downloading" not in out


def _one_sentence(capfd):
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err


def test_missing_files_are_listed(raw, tmp_path, capfd):
    (raw / "t10k-labels-idx1-ubyte.gz").write_bytes(b"")
    data_dir = tmp_path / "tfds"
    assert _main(dataset="mnist", raw_dir=str(raw), data_dir=str(data_dir), quiet=True) == 2
    message = _one_sentence(capfd)
    assert "missing: train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-im" in message
    assert f"Received: --raw_dir={raw}" in message
    assert not data_dir.exists()


def test_a_file_that_is_not_the_published_one_is_named(mnist, raw, tmp_path, capfd):
    file = raw / "t10k-images-idx3-ubyte.gz"
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_bytes(file.read_bytes()[:-1])
    data_dir = tmp_path / "tfds"
    assert _main(dataset="mnist", raw_dir=str(raw), data_dir=str(data_dir), quiet=True) == 2
    message = _one_sentence(capfd)
    received = hashlib.sha256(file.read_bytes()).hexdigest()
    assert str(file) in message and expected in message and f"Received: {received}" in message
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"dataset": "imagenet"}, "--dataset must be one of mnist, fashion_mnist, cifar10"),
        ({"dataset": "mnist"}, "--raw_dir must name the folder that holds train-images"),
        ({"dataset": "mnist", "raw_dir": "/nowhere"}, "Received: --raw_dir=/nowhere"),
    ],
)
def test_wrong_flags_cost_one_sentence(values, words, tmp_path, capfd):
    assert _main(data_dir=str(tmp_path / "tfds"), quiet=True, **values) == 2
    assert words in _one_sentence(capfd)
    assert not (tmp_path / "tfds").exists()


def test_a_data_dir_that_cannot_be_written(mnist, raw, tmp_path, capfd):
    (tmp_path / "file").write_text("")
    data_dir = str(tmp_path / "file" / "tfds")
    assert _main(dataset="mnist", raw_dir=str(raw), data_dir=data_dir, quiet=True) == 2
    assert data_dir in _one_sentence(capfd)
