"""Numbers that belong to an image: the same in every step, unrelated between images."""

import numpy as np
import tensorflow as tf
from scipy import stats

from xadv_tf import indexed_noise, noise


def _draw(index=(5,), shape=(1000,), seed=1, purpose="gate"):
    pair = noise.seed_pair(seed, purpose, 0, 0)
    return indexed_noise.uniform(tf.constant(index), shape, pair).numpy()


def test_an_example_has_its_numbers_wherever_it_stands():
    batch = _draw([7, 5, 6], (4, 3))
    assert batch.shape == (3, 4, 3)
    np.testing.assert_array_equal(batch[1], _draw([5], (4, 3))[0])


def test_every_argument_matters():
    # Neighbours and powers of two are what a poor hash mixes up.
    draws = [_draw(), _draw([4]), _draw([6]), _draw([69]), _draw(seed=2), _draw(purpose="mask")]
    for i, one in enumerate(draws):
        for other in draws[:i]:
            # Independent draws: correlation of 1000 pairs has standard deviation .032.
            assert abs(np.corrcoef(one[0], other[0])[0, 1]) < 0.15


def test_laws():
    # Kolmogorov's distance of n draws exceeds 1.63 / sqrt(n) once in a hundred seeds. One place of
    # many examples, and many places of one.
    for index, shape in ((np.arange(20_000), (2, 1)), (np.arange(2), (20_000,))):
        uniform = _draw(index, shape)
        normal = indexed_noise.normal(index, shape, noise.seed_pair(1, "log_alpha", 0, 0)).numpy()
        for draws, law in ((uniform, "uniform"), (normal, "norm")):
            for column in (draws[:, 0].ravel(), draws[0].ravel()):
                if column.size > 1000:
                    assert stats.kstest(column, law).statistic < 1.63 / column.size**0.5
        # Neighbouring places and neighbouring examples are uncorrelated: 1 / sqrt(20,000) = .007.
        places = uniform.reshape(-1, 2) if shape == (2, 1) else uniform.T
        assert abs(np.corrcoef(places.T)[0, 1]) < 0.03


def test_xla_draws_the_same():
    @tf.function(jit_compile=True)
    def compiled(index):
        return indexed_noise.uniform(index, (1000,), noise.seed_pair(1, "gate", 0, 0))

    np.testing.assert_array_equal(compiled(tf.constant([5])), _draw())
