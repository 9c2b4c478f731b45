"""What every method inherits: weights that change with the step, averages, initialisation."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, make_batch, make_classifier

from xadv_tf.layers import BatchNormalization, data_initialization
from xadv_tf.methods import MLE, Method, averages
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


def test_all_players_names_each_once():
    method = MLE(make_classifier())
    method.compile()
    method.phases = lambda: [*Method.phases(method), *Method.phases(method)]
    assert [player.name for player in method.all_players()] == ["classifier"]


def _averaging(**kwargs):
    keras.utils.set_random_seed(3)
    normalizer = BatchNormalization(synchronized=True)
    method = MLE(make_classifier(batch_norm=normalizer, dropout=0.3), **kwargs)
    method.compile()
    return method


def test_averaged_weights_are_the_bias_corrected_average():
    decay = 0.8
    method = _averaging(ema_decay=decay, evaluate_ema=True)
    history = []
    for seed in range(4):
        method.train_step(make_batch(seed=seed))
        history.append(method.classifier.get_weights())
    shares = decay ** np.arange(3, -1, -1)
    shares /= np.sum(shares)
    for now, averaged, *past in zip(
        history[-1], method.averaged.get_weights(), *history, strict=True
    ):
        expected = sum(share * weight for share, weight in zip(shares, past, strict=True))
        np.testing.assert_allclose(averaged, expected, rtol=1e-5, atol=1e-6)
        assert np.any(averaged != now)
    assert method.evaluated is method.averaged
    image = make_batch()["labeled"]["image"]
    np.testing.assert_array_equal(method(image), method.averaged(image))


def test_the_average_changes_nothing_in_training():
    plain, averaging = _averaging(), _averaging(ema_decay=0.8)
    for seed in range(2):
        plain.train_step(make_batch(seed=seed))
        averaging.train_step(make_batch(seed=seed))
    assert averaging.evaluated is averaging.classifier and plain.averaged is None
    for one, other in zip(
        plain.classifier.get_weights(), averaging.classifier.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_average_on_two_replicas():
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
    with strategy.scope():
        method = _averaging(ema_decay=0.8)
    step = tf.function(lambda batch: strategy.run(method.train_step, (batch,)), autograph=False)
    for seed in range(2):
        step(make_batch(seed=seed))
    for variable in method.averaged.weights:
        np.testing.assert_array_equal(*(mirror.numpy() for mirror in variable.value.values))
    assert any(
        np.any(one != other)
        for one, other in zip(
            method.averaged.get_weights(), method.classifier.get_weights(), strict=True
        )
    )


@pytest.mark.parametrize("decay", [0.0, 1.0])
def test_ema_decay_out_of_range(decay):
    with pytest.raises(ValueError, match=f"Received: ema_decay={decay}"):
        MLE(make_classifier(), ema_decay=decay)
    with pytest.raises(ValueError, match="evaluate_ema needs an ema_decay"):
        MLE(make_classifier(), evaluate_ema=True)


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


class Standardize(keras.layers.Layer):
    """Scales by a trainable gain, which it can set such that its output has deviation 1."""

    initializes_from_data = True

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        if data_initialization.is_active():
            self.gain.assign(1.0 / tf.math.reduce_std(x))
        return self.gain * x


def _standardizing(**kwargs):
    layers = [keras.layers.Flatten(), keras.layers.Dropout(0.5), Standardize()]
    layers.append(keras.layers.BatchNormalization())
    classifier = keras.Sequential([keras.layers.Input(IMAGE_SHAPE), *layers, keras.layers.Dense(3)])
    method = MLE(classifier, ema_decay=0.5, **kwargs)
    method.compile(optimizer=keras.optimizers.SGD(0.0))
    return method, layers[-2]


def test_initialization_from_data():
    keras.utils.set_random_seed(0)
    method, layer = _standardizing(seed=4)
    method.initialize(iter([make_batch()]))
    # Dropout at rate 1/2 doubles the mean square of standard normal pixels: deviation sqrt(2).
    assert float(layer.gain) == pytest.approx(2**-0.5, rel=0.2)
    np.testing.assert_array_equal(method.classifier.layers[-2].moving_mean, np.zeros(72))
    np.testing.assert_array_equal(
        method.averaged.trainable_variables[0], method.classifier.trainable_variables[0]
    )
    again, layer_again = _standardizing(seed=4)
    again.initialize(iter([make_batch()]))
    assert float(layer_again.gain) == float(layer.gain)


def test_fit_initializes_before_the_first_step_only():
    batch = make_batch(supervised=True)["labeled"]
    method, layer = _standardizing()
    method.fit(batch["image"], batch["label"], batch_size=6, epochs=2, shuffle=False, verbose=0)
    gain = float(layer.gain)
    expected, expected_layer = _standardizing()
    expected.initialize(iter([make_batch(supervised=True)]))
    assert gain == float(expected_layer.gain) != 1.0
    method.fit(2.0 * batch["image"], batch["label"], batch_size=6, verbose=0)
    assert float(layer.gain) == gain


@pytest.mark.parametrize("layer", [keras.layers.GaussianNoise, keras.layers.Dropout])
def test_keras_noise_layers_draw_by_step_replica_and_purpose(layer):
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
    with strategy.scope():
        classifier = keras.Sequential([keras.layers.Input((50,)), layer(0.5)])
        method = MLE(classifier)
    image = tf.ones((1, 50))

    def draw(purpose):
        run = tf.function(lambda: strategy.run(method.forward, (image, purpose)), autograph=False)
        return [value.numpy() for value in strategy.experimental_local_results(run())]

    one, other = draw("a")
    assert np.any(one != other) and np.any(one != draw("b")[0])
    np.testing.assert_array_equal(one, draw("a")[0])
    np.testing.assert_array_equal(one, method.forward(image, "a"))
    compiled = tf.function(lambda: method.forward(image, "a"), jit_compile=True, autograph=False)
    assert np.std(compiled()) == pytest.approx(np.std(one), rel=0.5)  # By XLA's own algorithm.
    method.step.assign_add(1)
    assert np.any(one != draw("a")[0])
