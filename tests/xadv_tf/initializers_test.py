import itertools

import keras
import numpy as np
import pytest

from xadv_tf import initializers

# 3x3 kernel from 50 to 400 channels: fan_in 450, fan_out 3600.
SHAPE = (3, 3, 50, 400)
FAN_IN, FAN_OUT = 450, 3600


@pytest.mark.parametrize(
    ("name", "standard_deviation", "largest"),
    [
        # The variance of U(-a, a) is a^2/3. "largest" is the support's half-width.
        ("normal_fan_in", FAN_IN**-0.5, np.inf),
        ("uniform_fan_in", (3 * FAN_IN) ** -0.5, FAN_IN**-0.5),
        ("lecun_uniform", FAN_IN**-0.5, (3 / FAN_IN) ** 0.5),
        # Keras widens the parent normal by 1/.87962566 and cuts at two of its deviations.
        ("he_normal", (2 / FAN_IN) ** 0.5, 2 * (2 / FAN_IN) ** 0.5 / 0.87962566),
        ("he_uniform", (2 / FAN_IN) ** 0.5, (6 / FAN_IN) ** 0.5),
        ("he_normal_fan_out", (2 / FAN_OUT) ** 0.5, np.inf),
    ],
)
def test_scale(name, standard_deviation, largest):
    values = np.asarray(initializers.get(name, seed=3)(SHAPE))
    # 180,000 draws: the relative error of a deviation is about 1/sqrt(2n) = 0.17 %.
    assert values.std() == pytest.approx(standard_deviation, rel=0.01)
    assert abs(values.mean()) < 5 * standard_deviation / values.size**0.5
    assert np.abs(values).max() <= largest * (1 + 1e-6)
    if np.isfinite(largest):
        assert np.abs(values).max() > 0.99 * largest
    else:
        assert np.abs(values).max() > 3.5 * standard_deviation


def test_seed_and_serialisation():
    first = initializers.get("normal_fan_in", seed=3)
    again = keras.initializers.deserialize(keras.initializers.serialize(first))
    other = initializers.get("normal_fan_in", seed=4)
    np.testing.assert_array_equal(first((4, 5)), again((4, 5)))
    assert np.all(np.asarray(first((4, 5))) != np.asarray(other((4, 5))))


def test_unknown_name():
    with pytest.raises(ValueError, match=r"initializer must be one of .*Received: 'glorot'"):
        initializers.get("glorot")


def test_layer_seeds():
    first = list(itertools.islice(initializers.layer_seeds(1), 5))
    assert first == list(itertools.islice(initializers.layer_seeds(1), 5))
    # Neighbouring model seeds must not share layer seeds.
    assert len({*first, *itertools.islice(initializers.layer_seeds(2), 5)}) == 10
    assert list(itertools.islice(initializers.layer_seeds(None), 2)) == [None, None]
