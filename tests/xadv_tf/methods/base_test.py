"""What every method inherits: weights that change with the step, averages, initialisation."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from fit_support import Standardize
from tests_support import IMAGE_SHAPE, make_batch, make_classifier, two_replicas

from xadv_tf.layers import BatchNormalization
from xadv_tf.methods import MLE, Method


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


def test_average_ontwo_replicas():
    strategy = two_replicas()
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


def test_evaluate_judges_the_evaluated_network():
    method = _averaging(ema_decay=0.5, evaluate_ema=True)
    batch = make_batch(supervised=True)["labeled"]
    method.train_step(make_batch())
    method.averaged.trainable_variables[-1].assign([50.0, 0.0, -50.0])  # Sure of class 0.
    received = method.evaluate(batch["image"], batch["label"], verbose=0, return_dict=True)
    log_p = tf.nn.log_softmax(method.averaged(batch["image"]))
    assert received["accuracy"] == pytest.approx(np.mean(batch["label"] == 0))
    expected = -np.mean(tf.gather(log_p, batch["label"], batch_dims=1))
    assert received["cross_entropy"] == pytest.approx(expected, rel=1e-4)


def test_a_second_fit_goes_on_where_the_first_ended():
    method = _averaging()
    batch = make_batch(supervised=True)["labeled"]
    for expected in (1, 2):
        method.fit(batch["image"], batch["label"], batch_size=6, verbose=0)
        assert int(method.step) == expected
