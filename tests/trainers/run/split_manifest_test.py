import hashlib
import json

import numpy as np
import pytest

from trainers.errors import UsageError
from trainers.run import split_data, split_manifest
from trainers.settings import experiment as experiment_lib


def _write_data(path, **changes):
    """Eight training images of two classes, four test images; all pixels differ."""
    images = np.arange(12 * 4, dtype=np.uint8).reshape(12, 2, 2)
    labels = np.arange(12) % 2
    arrays = {
        "train_images": images[:8],
        "train_labels": labels[:8],
        "test_images": images[8:],
        "test_labels": labels[8:],
    }
    np.savez(path, **(arrays | changes))


def _manifest(path, *arguments):
    flags = ["--num_labeled=4", "--num_validation=2", "--labeled_batch_size=2"]
    values = experiment_lib.parse(
        [f"--dataset={path}", "--unlabeled_batch_size=4", "--workdir=w", *flags, *arguments]
    )
    experiment = experiment_lib.from_flags(values)
    data = split_data.build(experiment)
    return split_manifest.describe(data, seed=experiment.seed), data


@pytest.fixture
def path(tmp_path):
    _write_data(tmp_path / "own.npz")
    return tmp_path / "own.npz"


def _sha256(dtype, shape, values):
    content = np.asarray(values, dtype).tobytes()
    return hashlib.sha256(f"{dtype} {shape}\n".encode() + content).hexdigest()


def test_the_manifest_describes_data_and_split(path):
    manifest, data = _manifest(path)
    assert manifest["dataset"] == str(path) and manifest["seed"] == 1
    assert (manifest["num_classes"], manifest["image_shape"]) == (2, [2, 2, 1])
    assert manifest["train"] == {
        "count": 8,
        "images_sha256": _sha256("|u1", (8, 2, 2, 1), np.arange(32)),
        "labels_sha256": _sha256("<i4", (8,), np.arange(8) % 2),
    }
    assert manifest["test"]["count"] == 4
    assert manifest["labeled"] == {
        "count": 4,
        "per_class": [2, 2],
        "sha256": _sha256("<i4", (4,), data.split.labeled),
    }
    assert manifest["unlabeled"]["count"] == sum(manifest["unlabeled"]["per_class"]) == 6
    assert manifest["validation"]["sha256"] == _sha256("<i4", (2,), data.split.validation)


def test_the_same_data_are_taken_again(path, tmp_path):
    manifest, _ = _manifest(path)
    split_manifest.refuse_other_data(tmp_path, manifest)  # There is none yet.
    split_manifest.write(tmp_path, manifest)
    written = (tmp_path / "split.json").read_text()
    assert json.loads(written) == manifest
    again, _ = _manifest(path)
    split_manifest.refuse_other_data(tmp_path, again)
    split_manifest.write(tmp_path, {})
    assert (tmp_path / "split.json").read_text() == written


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({"test_labels": np.array([1, 1, 0, 1])}, (), r"differs in test\.labels_sha256$"),
        ({"train_images": np.full((8, 2, 2), 9)}, (), r"differs in train\.images_sha256$"),
        ({}, ("--seed=2",), r"in labeled\.sha256, .*seed, "),
    ],
)
def test_other_data_are_refused(path, tmp_path, changes, arguments, message):
    split_manifest.write(tmp_path, _manifest(path)[0])
    _write_data(path, **changes)
    with pytest.raises(UsageError, match=message) as caught:
        split_manifest.refuse_other_data(tmp_path, _manifest(path, *arguments)[0])
    assert f"--dataset={path}" in str(caught.value) and "\n" not in str(caught.value)


def test_what_only_one_of_two_manifests_says_is_a_difference(path, tmp_path):
    manifest, _ = _manifest(path)
    without = {name: value for name, value in manifest.items() if name != "test"}
    split_manifest.write(tmp_path, without)
    with pytest.raises(
        UsageError, match=r"in test\.count, test\.images_sha256, test\.labels_sha256"
    ):
        split_manifest.refuse_other_data(tmp_path, manifest)
