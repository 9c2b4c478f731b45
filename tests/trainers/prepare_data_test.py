import dataclasses
import gzip
import hashlib
import inspect
import io
import os
import pickle
import tarfile

import keras
import numpy as np
import pytest
import scipy.io
import tensorflow_datasets as tfds
from absl.testing import flagsaver
from tensorflow_datasets.core.download import checksums as tfds_checksums
from tensorflow_datasets.image_classification import mnist as tfds_mnist

from trainers import prepare_data, raw_files

_TRAIN, _TEST = 10, 5


def _images(count, shape, seed):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def _labels(count, classes, seed):
    return np.random.default_rng(seed).integers(0, classes, count).astype(np.uint8)


@pytest.fixture
def known(monkeypatch):
    """(data set, folder): makes the checksums of the folder's files the published ones."""

    def declare(dataset, folder):
        sums = {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()
        }
        infos = {name: tfds_checksums.UrlInfo(0, sums[name], name) for name in sums}
        monkeypatch.setattr(tfds.builder_cls(dataset), "url_infos", infos)
        files = raw_files.RAW_FILES[dataset]
        if files.checksums:
            files = dataclasses.replace(files, checksums=sums)
            monkeypatch.setitem(raw_files.RAW_FILES, dataset, files)

    return declare


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


@pytest.fixture
def mnist(raw, known, monkeypatch):
    """MNIST's four files with 10 and 5 examples; returns them as {split: (images, labels)}."""
    # TFDS's builder reads as many examples as MNIST has.
    monkeypatch.setattr(tfds_mnist, "_TRAIN_EXAMPLES", _TRAIN)
    monkeypatch.setattr(tfds_mnist, "_TEST_EXAMPLES", _TEST)
    written = {}
    for seed, (split, prefix, count) in enumerate(
        [("train", "train", _TRAIN), ("test", "t10k", _TEST)]
    ):
        images, labels = _images(count, (28, 28, 1), seed), _labels(count, 10, seed)
        # LeCun's idx: two zero bytes, 8 for bytes, the rank, each size as a big-endian int32.
        for kind, array in (("images-idx3", images[..., 0]), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
            with gzip.open(raw / f"{prefix}-{kind}-ubyte.gz", "wb") as file:
                file.write(header + array.tobytes())
        written[split] = images, labels
    for dataset in ("mnist", "fashion_mnist"):
        known(dataset, raw)
    return written


def _write_tar(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, value in members.items():
            # Of Python 2, and from when NumPy kept its arrays in numpy.core.
            pickled = pickle.dumps(value, protocol=2).replace(b"numpy._core.", b"numpy.core.")
            entry = tarfile.TarInfo(name)
            entry.size = len(pickled)
            tar.addfile(entry, io.BytesIO(pickled))


def _rows(images):
    # The Python version: a row an image, all red values first, then green, then blue.
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1)


@pytest.fixture
def cifar10(raw, known):
    """The archive of CIFAR-10 with 2 examples in each of its six batches."""
    images, labels = _images(12, (32, 32, 3), 0), _labels(12, 10, 0)
    members = {"batches.meta": {"label_names": [f"class {i}" for i in range(10)]}}
    for i, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        part = slice(2 * i, 2 * i + 2)
        members[name] = {"data": _rows(images[part]), "labels": labels[part].tolist()}
    members = {f"cifar-10-batches-py/{name}": value for name, value in members.items()}
    _write_tar(raw / "cifar-10-python.tar.gz", members)
    known("cifar10", raw)
    return {"train": (images[:_TRAIN], labels[:_TRAIN]), "test": (images[_TRAIN:], labels[_TRAIN:])}


@pytest.fixture
def svhn(raw, known):
    """Writes the .mat files of the given splits, labels 1 to 10 as published."""

    def write(*splits):
        written = {}
        for seed, split in enumerate(splits):
            images, labels = _images(4, (32, 32, 3), seed), np.array([10, 1, 9, 10], np.uint8)
            arrays = {"X": images.transpose(1, 2, 3, 0), "y": labels[:, None]}
            scipy.io.savemat(raw / f"{split}_32x32.mat", arrays)
            written[split] = images, np.array([0, 1, 9, 0])
        known("svhn_cropped", raw)
        return written

    return write


def _load(dataset, data_dir, split):
    """Every feature of a prepared split as arrays, read as anyone would read it."""
    builder = tfds.builder(dataset, data_dir=str(data_dir))
    return tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1))


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
        _assert_same_examples(_load(dataset, tmp_path, split), images, labels)
    names = builder.info.features["label"].names
    assert names[1] == {"mnist": "1", "fashion_mnist": "Trouser"}[dataset]


def _assert_same_by_id(found, split, images, labels):
    parts = [each.decode().rpartition("_") for each in found["id"]]
    assert {part[0] for part in parts} == {split}
    order = [int(part[2]) for part in parts]
    assert sorted(order) == list(range(len(images)))
    np.testing.assert_array_equal(found["image"], images[order])
    np.testing.assert_array_equal(found["label"], labels[order])


def test_cifar10(cifar10, raw, tmp_path):
    prepare_data.prepare("cifar10", str(raw), str(tmp_path), quiet=True)
    for split, (images, labels) in cifar10.items():
        _assert_same_by_id(_load("cifar10", tmp_path, split), split, images, labels)
    features = tfds.builder("cifar10", data_dir=str(tmp_path)).info.features
    assert features["label"].names[3] == "class 3"


def test_cifar100(raw, known, tmp_path):
    expected = {}
    members = {
        "meta": {
            "fine_label_names": [f"fine {i}" for i in range(100)],
            "coarse_label_names": [f"coarse {i}" for i in range(20)],
        }
    }
    for seed, (split, count) in enumerate([("train", _TRAIN), ("test", _TEST)]):
        images, fine = _images(count, (32, 32, 3), seed), _labels(count, 100, seed)
        coarse = _labels(count, 20, seed + 2)
        members[split] = {
            "data": _rows(images),
            "fine_labels": fine.tolist(),
            "coarse_labels": coarse.tolist(),
        }
        expected[split] = images, fine, coarse
    members = {f"cifar-100-python/{name}": value for name, value in members.items()}
    _write_tar(raw / "cifar-100-python.tar.gz", members)
    known("cifar100", raw)

    builder = prepare_data.prepare("cifar100", str(raw), str(tmp_path), quiet=True)
    for split, (images, fine, coarse) in expected.items():
        found = _load("cifar100", tmp_path, split)
        _assert_same_by_id(found, split, images, fine)
        _assert_same_by_id({**found, "label": found["coarse_label"]}, split, images, coarse)
    assert builder.info.features["label"].names[42] == "fine 42"
    assert builder.info.features["coarse_label"].names[7] == "coarse 7"


@pytest.mark.parametrize("splits", [("train", "test", "extra"), ("train", "test")])
def test_svhn_with_and_without_extra(splits, svhn, raw, tmp_path):
    written = svhn(*splits)
    builder = prepare_data.prepare("svhn_cropped", str(raw), str(tmp_path), quiet=True)
    assert set(builder.info.splits) == set(splits)
    for split, (images, labels) in written.items():
        _assert_same_by_id(_load("svhn_cropped", tmp_path, split), split, images, labels)


def test_the_records_are_those_of_an_official_build(cifar10, raw, tmp_path):
    # The same examples as the binary version, which TFDS's builder reads by itself.
    prepare_data.prepare("cifar10", str(raw), str(tmp_path / "ours"), quiet=True)
    binary = tmp_path / "cifar-10-batches-bin"
    binary.mkdir()
    (binary / "batches.meta.txt").write_text("".join(f"class {i}\n" for i in range(10)) + "\n")
    images, labels = (np.concatenate(part) for part in zip(*cifar10.values(), strict=True))
    records = [
        bytes([label]) + row.tobytes() for label, row in zip(labels, _rows(images), strict=True)
    ]
    for i, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        (binary / f"{name}.bin").write_bytes(b"".join(records[2 * i : 2 * i + 2]))
    manual = tmp_path / "manual"
    manual.mkdir()
    archive = manual / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(binary, binary.name)
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    builder = tfds.builder("cifar10", data_dir=str(tmp_path / "theirs"))
    type(builder).url_infos[url] = tfds_checksums.compute_url_info(archive)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=str(manual), try_download_gcs=False)
    )
    for split in ("train", "test"):
        name = f"cifar10/3.0.2/cifar10-{split}.tfrecord-00000-of-00001"
        ours, theirs = (tmp_path / side / name for side in ("ours", "theirs"))
        assert ours.read_bytes() == theirs.read_bytes()


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
    assert len(_load("mnist", tmp_path / "tfds", "train")["label"]) == _TRAIN


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


def test_every_file_has_a_checksum_that_somebody_else_published():
    for dataset, files in raw_files.RAW_FILES.items():
        infos = tfds.builder_cls(dataset).url_infos.values()
        names = {*files.required, *([files.optional] if files.optional else [])}
        if files.checksums:
            (checksum,) = files.checksums.values()
            assert checksum in inspect.getsource(getattr(keras.datasets, dataset).load_data)
        else:
            assert names == {info.filename for info in infos}
