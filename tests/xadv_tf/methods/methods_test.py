import pytest

from xadv_tf import methods


def test_methods_are_found_by_name():
    assert methods.get("xvat") is methods.XVAT
    assert {methods.get(name) for name in methods.METHODS} == set(methods.METHODS.values())
    assert {method.__name__ for method in methods.METHODS.values()} < set(methods.__all__)


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="one of mle, at, vat, .* Received: method='xval'"):
        methods.get("xval")
