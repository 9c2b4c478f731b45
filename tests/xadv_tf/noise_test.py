import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from xadv_tf import noise


def _draw(seed=1, purpose="gate", step=7, replica=0):
    return noise.uniform([1000], noise.seed_pair(seed, purpose, step, replica)).numpy()


def test_same_arguments_same_numbers():
    np.testing.assert_array_equal(_draw(), _draw())
    np.testing.assert_array_equal(_draw(), _draw(step=tf.constant(7, tf.int64)))


def test_every_argument_matters():
    draws = [_draw(), _draw(seed=2), _draw(purpose="mask"), _draw(step=8), _draw(replica=1)]
    for i, one in enumerate(draws):
        for other in draws[:i]:
            # Independent draws: correlation of 1000 pairs has standard deviation .032.
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.15


def test_late_steps_do_not_collide_with_replicas():
    assert not np.array_equal(_draw(step=1, replica=0), _draw(step=0, replica=63))


def test_xla_draws_the_same():
    @tf.function(jit_compile=True)
    def compiled():
        seed = noise.seed_pair(1, "gate", 7, 0)
        return noise.uniform([1000], seed), noise.normal([1000], seed)

    uniform, normal = compiled()
    np.testing.assert_array_equal(uniform, _draw())
    eager = noise.normal([1000], noise.seed_pair(1, "gate", 7, 0))
    np.testing.assert_allclose(normal, eager, atol=1e-5)


def test_normal_is_normal():
    # Kolmogorov's distance of n = 100,000 draws exceeds 1.63 / sqrt(n) once in a hundred seeds.
    draws = noise.normal([100_000], noise.seed_pair(1, "direction", 0, 0)).numpy()
    assert stats.kstest(draws, "norm").statistic < 1.63 / 100_000**0.5


def test_a_seed_as_words_draws_what_the_integer_draws():
    # CRC-32's linearity: whatever the seed's length in digits and the purpose's in letters.
    for seed in (0, 7, 123456789, -3):
        words = tf.constant(noise.seed_words(seed))
        for purpose in ("", "gate", "augment/crop/unlabeled/second", "q" * 127):
            np.testing.assert_array_equal(
                noise.seed_pair(words, purpose, 7, 1), noise.seed_pair(seed, purpose, 7, 1)
            )


def test_too_long_a_purpose_is_refused():
    with pytest.raises(ValueError, match="shorter than 128 bytes. Received: purpose=qq"):
        noise.seed_pair(1, "q" * 128, 0, 0)


def test_what_is_compiled_follows_the_seed():
    seed = noise.Seed(3)
    pair = tf.function(lambda: seed.pair("gate", 7, 0), jit_compile=True)
    for value in (3, 4):
        seed.assign(value)
        assert seed.value == value
        np.testing.assert_array_equal(pair(), noise.seed_pair(value, "gate", 7, 0))
    assert pair.experimental_get_tracing_count() == 1
