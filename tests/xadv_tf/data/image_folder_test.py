import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from xadv_tf.data import image_folder
from xadv_tf.data.errors import DataError


def _write(root, part, label, name, image):
    folder = root / part / label
    folder.mkdir(parents=True, exist_ok=True)
    tf.io.write_file(str(folder / name), tf.io.encode_png(np.asarray(image, np.uint8)))


def _fill(root, channels=1, test="test"):
    """Three training images a class and one test image; all pixels of an image are its value."""
    for value, label in ((0, "cat"), (100, "ant")):
        for number in range(4):
            image = np.full((5, 4, channels), value + number)
            _write(root, "train" if number else test, label, f"{number}.png", image)
    return f"folder:{root}"


@pytest.mark.parametrize("channels", [1, 3])
def test_images_and_labels_belong_together(tmp_path, channels):
    name = _fill(tmp_path, channels)
    own = image_folder.load(name)
    assert (own.name, own.num_classes, own.image_shape) == (name, 2, (5, 4, channels))
    assert own.class_names == ("ant", "cat")
    # Alphabetical: ant is 0, whose images have the values 100 to 103, and cat is 1.
    values = own.train_images[:, 0, 0, 0]
    assert sorted(values) == [1, 2, 3, 101, 102, 103]
    np.testing.assert_array_equal(own.train_labels, values < 100)
    assert sorted(zip(own.test_images[:, -1, -1, -1], own.test_labels, strict=True)) == [
        (0, 1),
        (100, 0),
    ]
    assert (own.train_images == values[:, None, None, None]).all()


def test_the_order_is_the_same_every_time(tmp_path):
    name = _fill(tmp_path)
    one, other = image_folder.load(name), image_folder.load(name)
    np.testing.assert_array_equal(one.train_images, other.train_images)


def test_validation_serves_where_there_is_no_test(tmp_path):
    assert len(image_folder.load(_fill(tmp_path, test="validation")).test_images) == 2


def test_the_test_set_is_taken_before_the_validation_set(tmp_path):
    name = _fill(tmp_path)
    _write(tmp_path, "validation", "ant", "0.png", np.full((5, 4, 1), 7))
    assert 7 not in image_folder.load(name).test_images


def test_images_of_two_sizes(tmp_path):
    name = _fill(tmp_path)
    _write(tmp_path, "train", "ant", "wide.png", np.zeros((5, 6, 1)))
    with pytest.raises(DataError, match=r"one size .*\(5, 6, 1\)") as caught:
        image_folder.load(name)
    assert "\n" not in str(caught.value)


def test_grey_and_coloured_images(tmp_path):
    name = _fill(tmp_path)
    _write(tmp_path, "train", "ant", "red.png", np.zeros((5, 4, 3)))
    with pytest.raises(DataError, match=r"as many channels\. Received: .*\(5, 4, 3\)"):
        image_folder.load(name)


def test_a_damaged_image_is_named(tmp_path):
    name = _fill(tmp_path)
    (tmp_path / "train" / "cat" / "2.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"Received: .*cat/2\.png, which") as caught:
        image_folder.load(name)
    assert "\n" not in str(caught.value)


def test_other_layouts(tmp_path):
    with pytest.raises(DataError, match="^dataset must be .* Received: dataset=folder:/nowhere$"):
        image_folder.load("folder:/nowhere")
    with pytest.raises(DataError, match="Received: no folder of folders of images"):
        image_folder.load(f"folder:{tmp_path}")
    (tmp_path / "test" / "ant").mkdir(parents=True)
    _write(tmp_path, "train", "ant", "0.png", np.zeros((5, 4, 1)))
    with pytest.raises(DataError, match="a split test or validation. Received: train"):
        image_folder.load(f"folder:{tmp_path}")


def test_hidden_and_other_files_are_skipped_and_counted(tmp_path):
    name = _fill(tmp_path)
    _write(tmp_path, "train", ".ipynb_checkpoints", "0.png", np.zeros((5, 4, 1)))
    _write(tmp_path, "test", "__MACOSX", "0.png", np.zeros((5, 4, 1)))
    _write(tmp_path, "test", "@eaDir", "0.png", np.zeros((5, 4, 1)))
    _write(tmp_path, "train", "ant/deeper", "0.png", np.zeros((5, 4, 1)))
    for skipped in ("train/ant/._1.png", "train/ant/moving.gif", "train/notes.txt"):
        (tmp_path / skipped).write_bytes(b"no image")
    (tmp_path / ".git").mkdir()  # Not among the two parts: not worth a word.
    _write(tmp_path, "drafts", "cow", "0.png", np.zeros((9, 9, 1)))
    message = r"skipped\. Received: 7 of them \(train/\.ipynb_checkpoints, train/notes\.txt, train/"
    with pytest.warns(UserWarning, match=message) as caught:
        own = image_folder.load(name)
    assert len(caught) == 1
    assert own.class_names == ("ant", "cat")
    assert len(own.train_images) == 6 and len(own.test_images) == 2


def test_the_order_is_that_of_tensorflow_datasets(tmp_path):
    # Seeds of earlier runs name examples by their places in it.
    name = _fill(tmp_path)
    builder = tfds.ImageFolder(str(tmp_path))
    expected = [int(e["image"][0, 0, 0]) for e in builder.as_dataset(split="train")]
    np.testing.assert_array_equal(image_folder.load(name).train_images[:, 0, 0, 0], expected)


def test_a_link_that_leads_nowhere_is_named(tmp_path):
    name = _fill(tmp_path)
    (tmp_path / "train" / "ant" / "9.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(
        DataError, match=r"readable\. Received: .*ant/9\.png \(No such file"
    ) as caught:
        image_folder.load(name)
    assert "\n" not in str(caught.value)


def test_images_are_turned_upright(tmp_path):
    name = _fill(tmp_path, channels=3, test="test")
    # Stored on its side, [4, 5]: black above white. Turned clockwise (6), white is on the left.
    stored = np.repeat([0, 0, 255, 255], 5 * 3).reshape(4, 5, 3).astype(np.uint8)
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "train" / "dog").mkdir()
    PIL.Image.fromarray(stored).save(tmp_path / "train" / "dog" / "0.jpg", exif=exif, quality=95)
    own = image_folder.load(name)
    (turned,) = own.train_images[own.train_labels == own.class_names.index("dog")]
    assert turned.shape == (5, 4, 3)
    np.testing.assert_allclose(turned[:, :, 0], np.tile([255, 255, 0, 0], (5, 1)), atol=12)


def test_images_are_resized(tmp_path):
    name = _fill(tmp_path)
    _write(tmp_path, "train", "ant", "wide.png", np.full((3, 9, 1), 200))
    own = image_folder.load(name, image_size=(2, 3))
    assert own.image_shape == (2, 3, 1) and own.train_images.dtype == np.uint8
    # Images of one value keep it.
    values = own.train_images[:, 0, 0, 0]
    assert sorted(values) == [1, 2, 3, 101, 102, 103, 200]
    assert (own.train_images == values[:, None, None, None]).all()


def test_a_smaller_image_is_the_mean_of_the_pixels_that_fall_into_one(tmp_path):
    name = _fill(tmp_path)
    # Rows of 0, 0, 0 and 240. Their distances from the middle, 1.5, 0.5, 0.5 and 1.5, weigh
    # 1 - distance / 4 in a triangle as wide as all: 240 x 0.625 / (2 x 0.625 + 2 x 0.875) = 50.
    rows = np.repeat([0, 0, 0, 240], 4).reshape(4, 4, 1)
    _write(tmp_path, "train", "ant", "edge.png", rows)
    own = image_folder.load(name, image_size=(1, 1))
    assert 50 in own.train_images


def test_a_size_that_is_none(tmp_path):
    with pytest.raises(DataError, match=r"at least 1\. Received: image_size=\(0, 8\)"):
        image_folder.load(_fill(tmp_path), image_size=(0, 8))
