import numpy as np
import pytest
import tensorflow as tf

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
