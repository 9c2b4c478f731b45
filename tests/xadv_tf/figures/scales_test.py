import pytest

from xadv_tf.figures.scales import round_up


@pytest.mark.parametrize(
    ("largest", "limit"), [(1.7, 2), (2, 2), (0.021, 0.05), (6, 10), (1e-3, 1e-3), (0, 1)]
)
def test_the_next_round_number(largest, limit):
    assert round_up(largest) == pytest.approx(limit)
