import numpy as np
import pytest
from PIL import Image

from trainers.errors import UsageError
from trainers.run import assembly, split_data
from trainers.settings import experiment as experiment_lib


def _build(*arguments):
    values = experiment_lib.parse(["--workdir=none", "--labeled_batch_size=2", *arguments])
    return split_data.build(experiment_lib.from_flags(values))


@pytest.fixture
def folder(tmp_path):
    for part, count in (("train", 3), ("test", 1)):
        for name, level in (("cat", 0), ("dog", 255)):
            place = tmp_path / part / name
            place.mkdir(parents=True)
            for i in range(count):
                Image.fromarray(np.full((6, 4 + i, 3), level, np.uint8)).save(place / f"{i}.png")
    return f"folder:{tmp_path}"


def test_images_of_a_folder_are_resized_as_asked(folder):
    made = _build(f"--dataset={folder}", "--image_size=8x4", "--unlabeled_batch_size=0")
    assert made.pool.image.shape == (6, 8, 4, 3)
    assert made.test[0].shape == (2, 8, 4, 3)
    # All black or all white: resized they stay so, -0.5 and 0.5 where pixels are centered.
    np.testing.assert_allclose(np.unique(made.pool.image), [-0.5, 0.5], atol=1e-6)


# Scaling is fitted to the training images alone: of test images twice as bright it takes the same.
def test_a_scaling_is_fitted_to_the_training_images(tmp_path):
    rng = np.random.default_rng(0)
    train = rng.integers(0, 100, (50, 2, 2, 1), dtype=np.uint8)
    arrays = {"train_images": train, "test_images": 2 * train}
    labels = np.arange(50) % 2
    np.savez(tmp_path / "a.npz", **arrays, train_labels=labels, test_labels=labels)
    made = _build(f"--dataset={tmp_path}/a.npz", "--scaling=zca_raw", "--unlabeled_batch_size=0")
    pool = np.reshape(made.pool.image, (50, 4))
    np.testing.assert_allclose(np.mean(pool, axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.cov(pool.T, bias=True), np.eye(4), atol=1e-3)
    # W (2 x - m) = 2 W (x - m) + W m
    test = np.reshape(made.test[0], (50, 4))
    offset = test - 2 * pool
    np.testing.assert_allclose(offset, np.broadcast_to(offset[:1], offset.shape), atol=1e-3)


def test_data_that_is_not_there_names_the_flag_and_the_program_that_makes_it(tmp_path):
    with pytest.raises(UsageError) as caught:
        _build("--dataset=mnist", f"--data_dir={tmp_path}")
    message = str(caught.value)
    assert message.startswith("--data_dir (or TFDS_DATA_DIR) must name a folder")
    assert "trainers.prepare_data --dataset=mnist" in message
    assert message.endswith(f"Received: --data_dir='{tmp_path}'")


def test_each_part_has_its_own_images_with_their_labels(tmp_path):
    # Image i has the level i, and the class i % 2.
    levels = np.arange(40, dtype=np.uint8)
    images, labels = np.broadcast_to(levels[:, None, None, None], (40, 2, 2, 1)), levels % 2
    arrays = {"train_images": images[:30], "train_labels": labels[:30]}
    arrays |= {"test_images": images[30:], "test_labels": labels[30:]}
    np.savez(tmp_path / "a.npz", **arrays)
    made = _build(
        *(f"--dataset={tmp_path}/a.npz", "--scaling=unit", "--num_labeled=6"),
        *("--num_validation=8", "--unlabeled_batch_size=3"),
    )

    def found(images):
        return np.rint(255 * np.asarray(images)[:, 0, 0, 0]).astype(int)

    held_back, labels_of_held_back = made.validation
    np.testing.assert_array_equal(found(held_back), made.split.validation)
    np.testing.assert_array_equal(labels_of_held_back, made.split.validation % 2)
    np.testing.assert_array_equal(found(made.test[0]), np.arange(30, 40))
    np.testing.assert_array_equal(made.test[1], np.arange(30, 40) % 2)
    pool = found(made.pool.image)
    assert sorted([*pool, *made.split.validation]) == [*range(30)]
    np.testing.assert_array_equal(pool[made.pool.labeled_in_pool] % 2, made.pool.label)


# Pixels 0 and 200 in turns: their mean is 100, so 100/255 - 0.5 where they are centered, and black
# is -0.5 there.
@pytest.mark.parametrize(
    ("kind", "expected"), [("zero", 0.0), ("black", -0.5), ("mean", 100 / 255 - 0.5)]
)
def test_what_a_closed_gate_shows_is_in_the_scaled_images_units(tmp_path, kind, expected):
    images = np.zeros((4, 2, 2, 1), np.uint8)
    images[::2] = 200
    labels = np.arange(4) % 2
    named = {"train_images": images, "test_images": images}
    np.savez(tmp_path / "a.npz", **named, train_labels=labels, test_labels=labels)
    values = experiment_lib.parse(
        [
            *("--workdir=none", f"--dataset={tmp_path}/a.npz", "--labeled_batch_size=2"),
            *("--unlabeled_batch_size=2", "--method=random_mask", f"--fill={kind}"),
        ]
    )
    experiment = experiment_lib.from_flags(values)
    fill = split_data.fill(experiment, split_data.build(experiment))
    np.testing.assert_allclose(fill, np.full(np.shape(fill), expected), atol=1e-6)
    assert np.shape(fill) in ((), (2, 2, 1))
    classifier = assembly.build_classifier(experiment, split_data.build(experiment).dataset)
    method = assembly.build_method(experiment, classifier, pool_size=4, fill=fill)
    x = np.full((1, 2, 2, 1), 0.25, np.float32)
    closed = method.apply_mask(x, np.zeros((1, 2, 2, 1), np.float32))
    np.testing.assert_allclose(closed, np.full((1, 2, 2, 1), expected), atol=1e-6)


def test_the_draw_of_labels_can_be_held_while_the_seed_moves():
    flags = ["--num_labeled=10", "--num_validation=20"]
    own, held, other = (
        _build(*flags, *seeds).split
        for seeds in (
            ["--seed=1"],
            ["--seed=2", "--label_seed=1"],
            ["--seed=2"],
        )
    )
    for name in ("labeled", "validation"):
        one = getattr(own, name)
        np.testing.assert_array_equal(getattr(held, name), one)
        assert np.any(getattr(other, name) != one)
