"""Copies of classifiers, and averages that follow them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import two_replicas

from xadv_tf.methods import averages


class Custom(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


class Described(Custom):
    def get_config(self):
        return {"units": self.dense.units}


@pytest.mark.parametrize("kind", ["sequential", "functional", "subclassed"])
def test_a_clone_has_weights_of_its_own(kind):
    inputs = keras.Input((3,))
    model = {
        "sequential": lambda: keras.Sequential([inputs, keras.layers.Dense(2)]),
        "functional": lambda: keras.Model(inputs, keras.layers.Dense(2)(inputs)),
        "subclassed": lambda: Described(2),
    }[kind]()
    x = tf.ones((1, 3))
    before = model(x)
    twin = averages.clone(model, (None, 3))
    np.testing.assert_array_equal(twin(x), before)
    model.trainable_variables[0].assign_add(tf.ones((3, 2)))
    np.testing.assert_array_equal(twin(x), before)
    averages.copy(twin, model)
    np.testing.assert_array_equal(twin(x), model(x))


def test_what_cannot_be_cloned_is_refused():
    model = Custom(2)
    model(tf.ones((1, 3)))
    with pytest.raises(ValueError, match="Received: Custom"):
        averages.clone(model, (None, 3))


def test_an_adapted_normalization_is_copied():
    def normalizing(data):
        normalization = keras.layers.Normalization()
        normalization.adapt(data)
        return keras.Sequential([keras.layers.Input((2,)), normalization])

    x = np.array([[1.0, 2.0], [3.0, 6.0]], np.float32)
    leader, follower = normalizing(x), normalizing(5.0 + 3.0 * x)
    averages.copy(follower, leader)
    # Mean (2, 4) and deviation (1, 2).
    np.testing.assert_allclose(follower(x), [[-1.0, -1.0], [1.0, 1.0]], atol=1e-5)


@pytest.mark.parametrize("rate", [0.0, 0.25, 1.0])
def test_a_follower_moves_by_its_rate(rate):
    follower, leader = keras.Variable([1.0, 10.0]), keras.Variable([5.0, 0.1])
    averages.follow([follower], [leader], rate)
    np.testing.assert_allclose(follower, [1.0 + 4.0 * rate, 10.0 - 9.9 * rate], rtol=1e-6)
    if rate == 1.0:
        np.testing.assert_array_equal(follower, leader)


def test_counters_are_copied():
    follower, leader = (keras.Variable(n, dtype="int64", trainable=False) for n in (1, 7))
    averages.follow([follower], [leader], 0.1)
    assert int(follower) == 7


def test_each_replica_moves_its_own_copy():
    strategy = two_replicas()
    with strategy.scope():
        follower, leader = keras.Variable([0.0]), keras.Variable([4.0])
    run = tf.function(
        lambda: strategy.run(lambda: averages.follow([follower], [leader], 0.25)), autograph=False
    )
    run()
    for mirror in follower.value.values:
        np.testing.assert_array_equal(mirror, [1.0])


def test_debiased_rates_average_all_so_far():
    # By hand for decay 1/2: weights 1; 2/3; 4/7. What w = 3, 6, 7 gives after each is 3, 5, 43/7,
    # e.g. (1/4 3 + 1/2 6 + 7) / (7/4).
    rates = [float(averages.debiased_rate(0.5, step)) for step in range(3)]
    np.testing.assert_allclose(rates, [1.0, 2 / 3, 4 / 7], rtol=1e-6)
    average = keras.Variable(100.0)
    for rate, weight, expected in zip(rates, (3.0, 6.0, 7.0), (3.0, 5.0, 43 / 7), strict=True):
        averages.follow([average], [keras.Variable(weight)], rate)
        assert float(average) == pytest.approx(expected, rel=1e-5)
