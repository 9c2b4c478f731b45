import numpy as np
import pytest

from xadv_tf.data import npz
from xadv_tf.data.errors import DataError

IMAGES = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)
LABELS = np.array([2, 0, 1, 0, 1, 2])


def _write(folder, **changes):
    arrays = {
        "train_images": IMAGES,
        "train_labels": LABELS,
        "test_images": IMAGES[:2],
        "test_labels": LABELS[:2],
    } | changes
    path = folder / "own.npz"
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return str(path)


def test_grey_bytes_come_as_they_are(tmp_path):
    path = _write(tmp_path)
    own = npz.load(path)
    assert (own.name, own.num_classes, own.image_shape) == (path, 3, (4, 5, 1))
    np.testing.assert_array_equal(own.train_images[..., 0], IMAGES)
    np.testing.assert_array_equal(own.train_labels, LABELS)
    np.testing.assert_array_equal(own.test_images[..., 0], IMAGES[:2])
    assert own.train_images.dtype == np.uint8 and own.test_labels.dtype == np.int32


def test_wide_integers_become_bytes_and_floats_stay_floats(tmp_path):
    colour = np.repeat(IMAGES[..., None], 3, axis=-1)
    halves = colour + 0.5
    wide = colour[:2].astype(np.int64)
    own = npz.load(_write(tmp_path, train_images=halves, test_images=wide))
    assert own.image_shape == (4, 5, 3)
    assert own.train_images.dtype == np.float32 and own.test_images.dtype == np.uint8
    np.testing.assert_array_equal(own.train_images, halves)
    np.testing.assert_array_equal(own.test_images, wide)


def _with(array, value):
    changed = array.astype(np.float64)
    changed.flat[7] = value
    return changed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_images": _with(IMAGES, np.nan)}, "must be finite. Received: 1 pixels"),
        ({"test_images": _with(IMAGES[:2], np.inf)}, "test_images .* finite"),
        ({"train_images": IMAGES / 255}, r"multiply pixels in \[0, 1\] by 255 .* up to 0\.\d+"),
        ({"train_images": (IMAGES > 3).astype(np.uint8)}, r"multiply pixels .* up to 1$"),
        ({"train_images": _with(IMAGES, -1)}, r"in \[0, 255\]\. Received: pixels from -1\.0 to"),
        ({"train_images": IMAGES.astype(int) + 200}, r"in \[0, 255\]\. .* to 319"),
        ({"train_images": IMAGES > 3}, r"must be numbers .* Received: bool \(6, 4, 5\)"),
        ({"train_images": IMAGES[0]}, r"Received: uint8 \(4, 5\)"),
        ({"train_images": IMAGES[:0]}, r"Received: uint8 \(0, 4, 5\)"),
        ({"train_labels": LABELS[:5]}, r"a label for each\. .* labels \(5,\)"),
        ({"train_labels": LABELS * 1.0}, r"integers \[examples\], .* Received: float64 \(6,\)"),
        ({"train_labels": LABELS - 1}, "from 0. Received: labels from -1 to 1"),
        ({"train_labels": LABELS + (LABELS > 0)}, "class 1 has no example. .* from 0 to 3"),
        ({"train_labels": LABELS + 2**33}, "must count the classes from 0"),
        ({"test_labels": LABELS[:2] + 1}, r"in \[0, 3\)\. Received: labels from 1 to 3"),
        ({"test_labels": None}, "lacks test_labels. Received: train_images, .*"),
        ({"test_images": np.zeros((2, 5, 4), np.uint8)}, r"Received: images \(2, 5, 4, 1\)"),
        (
            {"train_images": np.array([IMAGES[0], IMAGES[0, :2], None], object)},
            "train_images .* images of one size, stacked",
        ),
    ],
)
def test_errors(tmp_path, changes, message):
    with pytest.raises(DataError, match=message) as caught:
        npz.load(_write(tmp_path, **changes))
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"^dataset must .* existing .* dataset=.*none\.npz$"):
        npz.load(str(tmp_path / "none.npz"))


def _cut_short(content):
    return content[: len(content) // 2]


def _changed(content):
    # Within the first array's pixels: the archive's checksum tells.
    return content[:200] + b"\xff" + content[201:]


def _other_file(content):
    return b"no archive"


@pytest.mark.parametrize("damage", [_cut_short, _changed, _other_file])
def test_a_damaged_file(tmp_path, damage):
    path = _write(tmp_path)
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(damage(content))
    with pytest.raises(DataError, match=r"^dataset must name a whole .* dataset=.*own\.npz \("):
        npz.load(path)
