import pathlib

import pytest

from xadv_tf.cache_folder import cache_folder


@pytest.mark.parametrize("value", [None, "", "relative"])
def test_the_default_is_in_the_home(monkeypatch, value):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if value is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    assert cache_folder() == pathlib.Path.home() / ".cache" / "xadv_tf"


def test_it_lies_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "xadv_tf"
