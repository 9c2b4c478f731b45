"""Moments of a batch, and of the batches of two replicas together."""

import numpy as np
import pytest
import tensorflow as tf
from tests_support import two_replicas

from xadv_tf.layers import moments

X = np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 40.0], [7.0, 20.0]], np.float32)


@pytest.mark.parametrize("shape", [(4, 2), (2, 2, 2), (1, 2, 2, 2)])
def test_moments_are_over_all_axes_but_the_last(shape):
    # 1, 3, 5, 7: mean 4, squares 9 + 1 + 1 + 9 = 20. 10, 10, 40, 20: mean 20, squares 600.
    mean, variance, unbiased = moments.batch_moments(
        tf.constant(X.reshape(shape)), synchronized=False
    )
    np.testing.assert_allclose(mean, [4.0, 20.0])
    np.testing.assert_allclose(variance, [5.0, 150.0])
    np.testing.assert_allclose(unbiased, [20.0 / 3.0, 200.0], rtol=1e-6)


def test_a_large_mean_does_not_cancel():
    # Of 4096 and 4096 + 2^-10 the mean of squares less the square of the mean has no digit left in
    # float32; the variance is (2^-11)^2.
    x = tf.constant([[4096.0], [4096.0 + 2.0**-10]])
    _, variance, _ = moments.batch_moments(x, synchronized=False)
    assert float(variance[0]) == pytest.approx(2.0**-22, rel=0.6)
    assert float(variance[0]) > 0.0


def test_one_example_has_no_variance_and_divides_by_no_zero():
    for value in moments.batch_moments(tf.constant([[3.0]]), synchronized=False)[1:]:
        assert float(value[0]) == 0.0


def test_standardize():
    # An epsilon of 4 below the root: deviation sqrt(5 + 4) = 3.
    z, mean, deviation, unbiased = moments.standardize(
        tf.constant(X[:, :1]), epsilon=4.0, synchronized=False
    )
    np.testing.assert_allclose(z[:, 0], [-1.0, -1 / 3, 1 / 3, 1.0], rtol=1e-6)
    assert (float(mean[0]), float(deviation[0])) == (4.0, 3.0)
    assert float(unbiased[0]) == pytest.approx(20 / 3)


def test_moments_of_two_replicas_with_batches_of_their_own_size():
    strategy = two_replicas()
    parts = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant([X[:1], X[1:]][context.replica_id_in_sync_group])
    )

    @tf.function(autograph=False)
    def run(parts):
        def both(x):
            return [moments.batch_moments(x, synchronized=flag) for flag in (True, False)]

        return strategy.run(both, (parts,))

    together, apart = run(parts)
    expected = moments.batch_moments(tf.constant(X), synchronized=False)
    for received, value in zip(together, expected, strict=True):
        for replica in strategy.experimental_local_results(received):
            np.testing.assert_allclose(replica, value, rtol=1e-6)
    own = [np.mean(part, axis=0) for part in (X[:1], X[1:])]
    np.testing.assert_allclose(strategy.experimental_local_results(apart[0]), own, rtol=1e-6)


def test_the_mean_has_a_gradient_and_the_count_has_none():
    x = tf.constant(X)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        mean, count = moments.batch_mean(x, synchronized=False)
    assert float(count) == 4.0
    np.testing.assert_allclose(tape.gradient(mean, x), np.full((4, 2), 0.25))
    assert tape.gradient(count, x) is None


def test_replicas_that_synchronise():
    assert moments.num_synchronized(True) == 1
    with two_replicas().scope():  # No replica: a model is being built.
        assert moments.num_synchronized(True) == 1
