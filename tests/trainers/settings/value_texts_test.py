import pytest

from trainers.errors import UsageError
from trainers.settings import value_texts


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("runs/\udce9", "be text that can be encoded here"),
        ("gs://bucket/run", "be on this machine"),
        ("folder:s3://bucket", "be on this machine"),
        ("a\nb", "be one line"),
        ("a\0b", "be one line"),
        (f"runs/{256 * 'x'}", "be a path of at most 3800 bytes, 255 between"),
        (f"runs/{128 * 'é'}", "be a path of at most"),
        (1000 * "abc/", "be a path of at most"),
        (f"runs/a,{1000 * 'abc/'}", "be a path of at most"),
        ("a #b", "be without ' #'"),
    ],
)
def test_what_is_no_path_here_has_a_fault_and_can_be_shown(value, what):
    assert value_texts.fault(value).startswith(what)
    shown = value_texts.shown(value)
    shown.encode()
    assert shown.isprintable() and len(shown) < 250


@pytest.mark.parametrize(
    "value", ["", "a b", "#b", "C:/x", "é", "it's", 255 * "x", "http:", "a=b", "'", "[a],b"]
)
def test_texts_without_fault(value):
    assert value_texts.fault(value) is None
    assert value_texts.shown(value) == value or len(value) > 200


def test_several_paths_with_commas_between_are_each_as_long_as_a_path_may_be():
    assert value_texts.fault(",".join(f"runs/xvat/seed_{n}" for n in range(1000))) is None


def test_a_variable_of_the_environment_is_held_to_the_same(monkeypatch):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    value_texts.refuse_in_environment("TFDS_DATA_DIR")
    monkeypatch.setenv("TFDS_DATA_DIR", "gs://tfds-data")
    with pytest.raises(UsageError, match="^TFDS_DATA_DIR must be on this machine.*=gs://tfds-data"):
        value_texts.refuse_in_environment("TFDS_DATA_DIR")
