import zipfile

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


def test_training_images_may_have_no_class(tmp_path):
    labels = np.array([2, 0, -1, 1, 0, -1])
    own = npz.load(_write(tmp_path, train_labels=labels))
    assert own.num_classes == 3
    np.testing.assert_array_equal(own.train_labels, labels)
    with pytest.raises(DataError, match="test_labels .* must count the classes from 0. Received"):
        npz.load(_write(tmp_path, test_labels=labels[1:3]))
    with pytest.raises(DataError, match="or be -1 for none. Received: labels from -1 to -1"):
        npz.load(_write(tmp_path, train_labels=-np.ones(6, int)))


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
        ({"test_images": IMAGES[:2] / 255}, r"multiply pixels .* test_images with values up to 0"),
        # The greatest are 119 of the training and 39 of the test images: a quarter of 39 is 9.75,
        # and 119 / 9.75 = 12.2.
        (
            {"test_images": IMAGES[:2] / 4},
            "on one scale, .* train_images with values up to 119, test_images .* up to 9.75",
        ),
        ({"train_images": IMAGES / 40}, "on one scale, .* up to 2.975, test_images .* up to 39"),
        ({"train_images": _with(IMAGES, -1)}, r"in \[0, 255\]\. Received: pixels from -1\.0 to"),
        ({"train_images": IMAGES.astype(int) + 200}, r"in \[0, 255\]\. .* to 319"),
        ({"train_images": IMAGES > 3}, r"must be numbers .* Received: bool \(6, 4, 5\)"),
        ({"train_images": IMAGES[0]}, r"Received: uint8 \(4, 5\)"),
        ({"train_images": IMAGES[:0]}, r"Received: uint8 \(0, 4, 5\)"),
        ({"train_labels": LABELS[:5]}, r"a label for each\. .* labels \(5,\)"),
        ({"train_labels": LABELS * 1.0}, r"integers \[examples\], .* Received: float64 \(6,\)"),
        ({"test_labels": LABELS[:2] + 0.7}, r"test_labels .* Received: float64 \(2,\)"),
        ({"train_labels": np.eye(3, dtype=int)[LABELS]}, r"Received: int64 \(6, 3\)"),
        ({"train_labels": np.array(list("cabacb"))}, r"train_labels .* Received: <U1 \(6,\)"),
        ({"train_labels": np.array([*"cabac", None])}, "train_labels .* array of numbers"),
        ({"train_labels": LABELS - 2}, "from 0, or be -1 for none. Received: labels from -2 to 0"),
        (
            {"train_labels": LABELS - 1},
            r"test labels .* in \[0, 2\)\. Received: labels from 0 to 2",
        ),
        ({"train_labels": LABELS + (LABELS > 0)}, "class 1 has no example. .* from 0 to 3"),
        ({"train_labels": LABELS + 2**33}, "must count the classes from 0, or be -1 for none"),
        ({"test_labels": LABELS[:2] + 1}, r"in \[0, 3\)\. Received: labels from 1 to 3"),
        ({"test_labels": None}, "lacks test_labels. Received: train_images, .*"),
        ({"test_images": IMAGES[:2].swapaxes(1, 2)}, r"Received: images \(2, 5, 4, 1\)"),
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


KERAS_NAMES = ("x_train", "y_train", "x_test", "y_test")


def test_the_names_of_keras_and_its_labels_in_a_column(tmp_path):
    path = str(tmp_path / "keras.npz")
    values = (IMAGES, LABELS[:, None], IMAGES[:2], LABELS[:2, None])
    np.savez(path, **dict(zip(KERAS_NAMES, values, strict=True)))
    own = npz.load(path)
    np.testing.assert_array_equal(own.train_images[..., 0], IMAGES)
    np.testing.assert_array_equal(own.train_labels, LABELS)
    np.testing.assert_array_equal(own.test_images[..., 0], IMAGES[:2])
    np.testing.assert_array_equal(own.test_labels, LABELS[:2])


def test_names_of_both_kinds(tmp_path):
    both = dict(zip(KERAS_NAMES, (IMAGES, LABELS, IMAGES, LABELS), strict=True))
    with pytest.raises(DataError, match=r"must hold either .* or x_train, .* Received: both$"):
        npz.load(_write(tmp_path, **both))
    del both["y_test"]
    assert npz.load(_write(tmp_path, **both)).num_classes == 3
    np.savez(tmp_path / "keras.npz", **both)
    with pytest.raises(DataError, match=r"and lacks y_test\. Received: x_train, y_train, x_test$"):
        npz.load(str(tmp_path / "keras.npz"))


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


def _patched(content, in_file, in_directory, value):
    """Two bytes changed in the headers of every member, in the file and in its directory."""
    changed = bytearray(content)
    for magic, offset in ((b"PK\x03\x04", in_file), (b"PK\x01\x02", in_directory)):
        at = content.find(magic)
        while at >= 0:
            changed[at + offset : at + offset + 2] = value.to_bytes(2, "little")
            at = content.find(magic, at + 1)
    return bytes(changed)


def _encrypted(content):
    return _patched(content, 6, 8, 1)  # Bit 0 of the general purpose flag (APPNOTE 4.4.4).


def _of_an_unknown_compression(content):
    return _patched(content, 8, 10, 98)  # PPMd (APPNOTE 4.4.5).


@pytest.mark.parametrize("damage", [_encrypted, _of_an_unknown_compression])
def test_an_archive_that_python_cannot_unpack(tmp_path, damage):
    path = _write(tmp_path)
    with open(path, "r+b") as file:
        content = damage(file.read())
        file.seek(0)
        file.write(content)
    with pytest.raises(DataError, match=r"whole .* dataset=.*own\.npz \(.*(encr|compr)") as caught:
        npz.load(path)
    assert "\n" not in str(caught.value)


def _with_header(folder, header):
    """A whole archive, its checksums right, whose train_images.npy begins with this text."""
    text = header.encode("latin1") + b"\n"
    member = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0" * 64
    path = _write(folder, train_images=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("train_images.npy", member)
    return path


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 4, 5)}",  # 120 bytes for 64.
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000000, 1000000)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (9000000000000000000, 9, 9)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-6, 4, 5)}",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': '|u1', 'shape': (6,",
        "__import__('os')",
        "\xff" * 40,
    ],
)
def test_a_header_that_is_broken_or_boasts(tmp_path, header):
    with pytest.raises(DataError, match=r"own\.npz") as caught:
        npz.load(_with_header(tmp_path, header))
    assert "\n" not in str(caught.value)


def test_a_member_that_is_no_array(tmp_path):
    path = _write(tmp_path, train_images=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("train_images.npy", b"text")
    with pytest.raises(DataError, match=r"train_images .* Received: 4 bytes that are no array"):
        npz.load(path)
