import numpy as np
import pytest

from xadv_tf import adam_moments


def test_two_steps_by_hand():
    # Of g = 2, then -1; the corrections are 1 - 0.9^t and 1 - 0.999^t.
    mean, square, ahead, root = adam_moments.moved(0.0, 0.0, 2.0, 4.0, 0)
    assert float(ahead) == pytest.approx(2.0) and float(root) == pytest.approx(2.0, rel=1e-5)
    mean, square, ahead, root = adam_moments.moved(mean, square, -1.0, 1.0, 1)
    # 0.9 * 0.2 - 0.1 = 0.08, by 0.19; 0.999 * 0.004 + 0.001 = 0.004996, by 0.001999.
    assert float(ahead) == pytest.approx(0.08 / 0.19, rel=1e-5)
    assert float(root) == pytest.approx(np.sqrt(0.004996 / 0.001999), rel=1e-4)
