import pytest

from xadv_tf.models import checks


def test_what_just_fits_is_taken():
    checks.check_widths(1, [1, 1])
    checks.check_widths(1, [])
    checks.check_size("net", (12, 12, 3), 12)


@pytest.mark.parametrize(("num_classes", "hidden_units"), [(0, [5]), (5, [4, 0])])
def test_a_width_below_one(num_classes, hidden_units):
    received = rf"num_classes={num_classes}, hidden_units=\({', '.join(map(str, hidden_units))},?\)"
    with pytest.raises(ValueError, match=rf"at least 1\. Received: {received}$"):
        checks.check_widths(num_classes, hidden_units)


@pytest.mark.parametrize("shape", [(11, 12, 3), (12, 11, 3)])
def test_a_side_that_is_too_short(shape):
    with pytest.raises(ValueError, match=r"^net needs .* 12 x 12\. Received: input_shape=\(1"):
        checks.check_size("net", shape, 12)
