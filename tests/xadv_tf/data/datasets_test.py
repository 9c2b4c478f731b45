import pytest

from xadv_tf.data import datasets
from xadv_tf.data.errors import DataError


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("folder:a.npz", "image_folder"),
        ("some/where/a.npz", "npz"),
        ("mnist", "prepared"),
        ("emnist/balanced:3.1.0", "prepared"),
    ],
)
def test_the_name_decides_the_source(name, source, monkeypatch):
    def load(asked, **options):
        return asked, options

    monkeypatch.setattr(getattr(datasets, source), "load", load)
    options = {
        "prepared": {"data_dir": "d", "download": True},
        "image_folder": {"image_size": None},
    }.get(source, {})
    assert datasets.load(name, data_dir="d", download=True) == (name, options)


def test_digits_need_no_folder():
    assert datasets.load("digits", data_dir="/nowhere").name == "digits"


def test_the_images_of_a_folder_are_resized(monkeypatch):
    def load(name, *, image_size):
        return name, image_size

    monkeypatch.setattr(datasets.image_folder, "load", load)
    assert datasets.load("folder:a", image_size=(32, 24)) == ("folder:a", (32, 24))


@pytest.mark.parametrize("name", ["digits", "a.npz", "mnist"])
@pytest.mark.parametrize("stream", [False, True])
def test_only_the_images_of_a_folder_are_resized(name, stream):
    message = rf"^image_size must come .* Received: image_size=\(8, 8\), dataset='{name}'$"
    with pytest.raises(DataError, match=message):
        datasets.load(name, image_size=(8, 8), stream=stream)
