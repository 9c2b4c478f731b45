import inspect
import io
import pickle
import tarfile

import keras
import numpy as np
import pytest
import scipy.io
import tensorflow_datasets as tfds
from raw_files_support import load, noise_images, noise_labels, publish
from tensorflow_datasets.core.download import checksums as tfds_checksums

from trainers import prepare_data, raw_files

_TRAIN, _TEST = 10, 5


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


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
def cifar10(raw, monkeypatch):
    """The archive of CIFAR-10 with 2 examples in each of its six batches."""
    images, labels = noise_images(12, (32, 32, 3), 0), noise_labels(12, 10, 0)
    members = {"batches.meta": {"label_names": [f"class {i}" for i in range(10)]}}
    for i, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        part = slice(2 * i, 2 * i + 2)
        members[name] = {"data": _rows(images[part]), "labels": labels[part].tolist()}
    members = {f"cifar-10-batches-py/{name}": value for name, value in members.items()}
    _write_tar(raw / "cifar-10-python.tar.gz", members)
    publish(monkeypatch, "cifar10", raw)
    return {"train": (images[:_TRAIN], labels[:_TRAIN]), "test": (images[_TRAIN:], labels[_TRAIN:])}


@pytest.fixture
def svhn(raw, monkeypatch):
    """Writes the .mat files of the given splits, labels 1 to 10 as published."""

    def write(*splits):
        written = {}
        for seed, split in enumerate(splits):
            images, labels = noise_images(4, (32, 32, 3), seed), np.array([10, 1, 9, 10], np.uint8)
            arrays = {"X": images.transpose(1, 2, 3, 0), "y": labels[:, None]}
            scipy.io.savemat(raw / f"{split}_32x32.mat", arrays)
            written[split] = images, np.array([0, 1, 9, 0])
        publish(monkeypatch, "svhn_cropped", raw)
        return written

    return write


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
        _assert_same_by_id(load("cifar10", tmp_path, split), split, images, labels)
    features = tfds.builder("cifar10", data_dir=str(tmp_path)).info.features
    assert features["label"].names[3] == "class 3"


def test_cifar100(raw, monkeypatch, tmp_path):
    expected = {}
    members = {
        "meta": {
            "fine_label_names": [f"fine {i}" for i in range(100)],
            "coarse_label_names": [f"coarse {i}" for i in range(20)],
        }
    }
    for seed, (split, count) in enumerate([("train", _TRAIN), ("test", _TEST)]):
        images, fine = noise_images(count, (32, 32, 3), seed), noise_labels(count, 100, seed)
        coarse = noise_labels(count, 20, seed + 2)
        members[split] = {
            "data": _rows(images),
            "fine_labels": fine.tolist(),
            "coarse_labels": coarse.tolist(),
        }
        expected[split] = images, fine, coarse
    members = {f"cifar-100-python/{name}": value for name, value in members.items()}
    _write_tar(raw / "cifar-100-python.tar.gz", members)
    publish(monkeypatch, "cifar100", raw)

    builder = prepare_data.prepare("cifar100", str(raw), str(tmp_path), quiet=True)
    for split, (images, fine, coarse) in expected.items():
        found = load("cifar100", tmp_path, split)
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
        _assert_same_by_id(load("svhn_cropped", tmp_path, split), split, images, labels)


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


def test_every_file_has_a_checksum_that_somebody_else_published():
    for dataset, files in raw_files.RAW_FILES.items():
        infos = tfds.builder_cls(dataset).url_infos.values()
        names = {*files.required, *([files.optional] if files.optional else [])}
        if files.checksums:
            (checksum,) = files.checksums.values()
            assert checksum in inspect.getsource(getattr(keras.datasets, dataset).load_data)
        else:
            assert names == {info.filename for info in infos}


def test_fashion_mnist_has_checksums_of_its_own_though_its_files_are_called_like_mnists():
    sums = {
        dataset: {
            info.filename: info.checksum
            for info in tfds.builder(dataset, data_dir="none").url_infos.values()
        }
        for dataset in ("mnist", "fashion_mnist")
    }
    assert sums["mnist"].keys() == sums["fashion_mnist"].keys()
    assert not set(sums["mnist"].values()) & set(sums["fashion_mnist"].values())
    # As zalandoresearch/fashion-mnist has published it.
    assert sums["fashion_mnist"]["train-images-idx3-ubyte.gz"].startswith(
        "3aede38d61863908ad78613f"
    )
