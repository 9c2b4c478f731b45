"""A step: weighted objectives, one backward pass each, updates, logs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import make_batch, make_classifier, two_replicas

from xadv_tf.methods import Method
from xadv_tf.methods.players import Player


class Tugging(Method):
    """Two terms and two players, each with a weight of its own: d term / d weight is 1."""

    def __init__(self, loss_weights):
        super().__init__(make_classifier(), loss_weights=loss_weights)
        self.one, self.other = (self.add_weight(shape=(), initializer="zeros") for _ in range(2))

    def compute_losses(self, batch):
        return {"one": 1.0 * self.one.value, "other": 1.0 * self.other.value}

    def players(self):
        return [Player("both", [self.one, self.other], self.optimizer)]


def test_weights_are_numbers_or_functions_of_the_step():
    method = Tugging({"one": 2.0, "other": lambda step: tf.cast(step, tf.float32) ** 2})
    method.compile(optimizer=keras.optimizers.SGD(1.0))
    step = tf.function(method.train_step, autograph=False)
    logs = [step(make_batch()) for _ in range(3)]
    # Each step takes its weight away: 2 + 2 + 2 and 0^2 + 1^2 + 2^2.
    assert (float(method.one), float(method.other)) == (-6.0, -5.0)
    assert [float(log["weight/other"]) for log in logs] == [0.0, 1.0, 4.0]
    assert "weight/one" not in logs[0]
    # In step 2 one = -4 and other = -1: 2 (-4) + 4 (-1).
    assert float(logs[2]["objective"]) == -12.0
    assert float(logs[2]["gradient_norm/both"]) == pytest.approx(np.sqrt(2.0**2 + 4.0**2))


def test_logs_of_replicas_sum_to_the_values():
    # Both terms have the value -8 and -2 on either replica after steps 0 and 1 of weights 4 and
    # 0, 1: what is logged is the value, not twice it.
    with two_replicas().scope():
        method = Tugging({"one": 4.0, "other": lambda step: tf.cast(step, tf.float32)})
        method.compile(optimizer=keras.optimizers.SGD(1.0))
    strategy = method.distribute_strategy
    step = tf.function(lambda batch: strategy.run(method.train_step, (batch,)), autograph=False)
    batch = make_batch()
    logs = [
        {k: strategy.experimental_local_results(v)[0] for k, v in step(batch).items()}
        for _ in range(3)
    ]
    assert [float(log["weight/other"]) for log in logs] == [0.0, 1.0, 2.0]
    assert [float(log["one"]) for log in logs] == [0.0, -4.0, -8.0]
    assert [float(log["other"]) for log in logs] == [0.0, 0.0, -1.0]
    # 4 (-8) + 2 (-1), and the norm of (4, 2).
    assert float(logs[2]["objective"]) == -34.0
    assert float(logs[2]["gradient_norm/both"]) == pytest.approx(20.0**0.5)


class Constant(Tugging):
    """Counts what is asked of the term whose weight is 0."""

    def compute_losses(self, batch):
        @tf.custom_gradient
        def watched(x):
            def gradient(upstream):
                self.asked = True
                return upstream

            return tf.identity(x), gradient

        return {
            "one": 1.0 * (self.one.value + self.other.value),
            "other": watched(self.other.value),
        }


def test_a_constant_weight_of_0_costs_no_backward_pass_and_is_logged():
    method = Constant({"one": 1.0, "other": 0.0})
    method.compile(optimizer=keras.optimizers.SGD(1.0))
    method.asked = False
    method.other.assign(7.0)
    logs = method.train_step(make_batch())
    assert not method.asked
    assert (float(logs["other"]), float(logs["objective"])) == (7.0, 7.0)


class Opposed(Tugging):
    """Each player has an objective of its own in both terms; they move at once."""

    def objectives(self):
        return {"objective": {"one": 1.0, "other": 2.0}, "second": {"one": 3.0, "other": 4.0}}

    def players(self):
        return [
            Player("first", [self.one], self.optimizer),
            Player("second", [self.other], self.others_optimizer, "second"),
        ]


def test_players_descend_their_own_objective():
    method = Opposed({"one": 0.0, "other": 0.0})
    method.others_optimizer = keras.optimizers.SGD(1.0)
    method.compile(optimizer=keras.optimizers.SGD(1.0))
    logs = method.train_step(make_batch())
    # d(one + 2 other)/d one = 1, d(3 one + 4 other)/d other = 4.
    assert (float(method.one), float(method.other)) == (-1.0, -4.0)
    assert (float(logs["gradient_norm/first"]), float(logs["gradient_norm/second"])) == (1.0, 4.0)
    assert method.backward_passes == 2


class Recording(Tugging):
    """Records the number of its replica."""

    def compute_losses(self, batch):
        context = tf.distribute.get_replica_context()
        self.record("replica", tf.cast(context.replica_id_in_sync_group, tf.float32))
        return super().compute_losses(batch)


def test_what_is_recorded_is_logged_as_the_replicas_mean():
    with two_replicas().scope():
        method = Recording({"one": 1.0, "other": 1.0})
        method.compile()
    strategy = method.distribute_strategy
    batch = make_batch()
    logs = tf.function(lambda: strategy.run(method.train_step, (batch,)), autograph=False)()
    assert float(strategy.experimental_local_results(logs["replica"])[0]) == 0.5
