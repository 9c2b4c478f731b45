"""Runs for the tests of the programs that read them."""

import keras
import numpy as np
import pytest

from trainers.run import assembly
from trainers.run.checkpoints import Checkpoints, checkpoint
from trainers.settings import experiment as experiment_lib


@pytest.fixture(scope="session")
def make_run(tmp_path_factory):
    """(flags ..., steps) -> the directory of a run of so many steps; made once a session."""
    made = {}

    def make(*flags, steps=0):
        if (flags, steps) not in made:
            workdir = tmp_path_factory.mktemp("run")
            small = ["--num_labeled=100", "--labeled_batch_size=20", "--unlabeled_batch_size=20"]
            values = experiment_lib.parse([*small, *flags, f"--workdir={workdir}"])
            experiment = experiment_lib.from_flags(values)
            _, loop = assembly.prepare(experiment)
            if steps:
                loop.run(steps)
            (workdir / "config.flags").write_text(experiment_lib.to_flagfile(values))
            Checkpoints(workdir / "checkpoints", keep=1).save(checkpoint(loop.method), steps)
            keras.config.set_dtype_policy("float32")
            made[flags, steps] = workdir, loop.method
        return made[flags, steps]

    return make


@pytest.fixture
def result():
    """What result.json holds at the least."""
    return {
        "method": "MLE",
        "test_accuracy": 0.5,
        "milliseconds_per_step": 1.0,
        "backward_passes": 1,
        "train_steps": 3,
    }


@pytest.fixture
def make_tiny(tmp_path, monkeypatch):
    """Makes tiny.npz in an empty directory and goes there.

    Two classes, 8x8 pixels, that differ in their mean by `contrast` of 255.
    """

    def make(contrast=127):
        rng = np.random.default_rng(0)
        labels = np.arange(200) % 2
        images = rng.integers(0, 255 - contrast, (200, 8, 8, 1))
        images += contrast * labels[:, None, None, None]
        np.savez(
            tmp_path / "tiny.npz",
            train_images=images[:150],
            train_labels=labels[:150],
            test_images=images[150:],
            test_labels=labels[150:],
        )
        monkeypatch.chdir(tmp_path)

    return make


@pytest.fixture(autouse=True)
def dtype_policy():
    """Reading a run sets the policy; the next test starts from the default."""
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def store_noise(tmp_path, monkeypatch):
    """(examples a split, number of classes): writes the set "noise", 8x8x1, into tmp_path."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def store(counts, num_classes):
        import tensorflow_datasets as tfds  # Few tests want it, and it takes a second.

        rng = np.random.default_rng(0)
        features = {
            "image": tfds.features.Image(shape=(8, 8, 1)),
            "label": tfds.features.ClassLabel(num_classes=num_classes),
        }
        images = {n: rng.integers(0, 256, (n, 8, 8, 1)).astype(np.uint8) for n in counts.values()}
        tfds.dataset_builders.store_as_tfds_dataset(
            name="noise",
            version="1.0.0",
            features=tfds.features.FeaturesDict(features),
            split_datasets={
                split: [
                    (i, {"image": image, "label": i % num_classes})
                    for i, image in enumerate(images[count])
                ]
                for split, count in counts.items()
            },
            data_dir=str(tmp_path),
            download_config=tfds.download.DownloadConfig(num_shards=2),
        )

    return store


@pytest.fixture
def tiny_run(make_run, make_tiny, tmp_path):
    """(flags ...) -> the directory of a run on tiny.npz of no step: judges differ by seed."""
    make_tiny()

    def make(*flags):
        data = (f"--dataset={tmp_path}/tiny.npz", "--num_validation=20")
        return str(make_run(*data, *flags)[0])

    return make
