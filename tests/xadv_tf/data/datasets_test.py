import pytest

from xadv_tf.data import datasets


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
    options = {"data_dir": "d", "download": True} if source == "prepared" else {}
    assert datasets.load(name, data_dir="d", download=True) == (name, options)


def test_digits_need_no_folder():
    assert datasets.load("digits", data_dir="/nowhere").name == "digits"
