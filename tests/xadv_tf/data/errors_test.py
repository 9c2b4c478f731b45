import pytest

from xadv_tf import data


def test_whoever_catches_value_errors_catches_those_of_the_data():
    with pytest.raises(ValueError, match=r"existing \.npz file") as caught:
        data.load("/nowhere/own.npz")
    assert type(caught.value) is data.DataError
