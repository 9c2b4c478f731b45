"""Keras's own callbacks, with their defaults."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_classifier

from xadv_tf import methods
from xadv_tf.optimizers import Ramp

IMAGES = np.random.default_rng(0).normal(size=(8, *IMAGE_SHAPE)).astype(np.float32)
LABELS = np.arange(8) % NUM_CLASSES


def _xvat(rate=0.5, mask_rate=0.1):
    method = methods.XVAT(make_classifier())
    method.compile(keras.optimizers.SGD(rate), mask_optimizer=keras.optimizers.SGD(mask_rate))
    return method


def _fit(method, *callbacks, **kwargs):
    arguments = {"verbose": 0, "batch_size": 4, "shuffle": False}
    arguments |= {"validation_data": (IMAGES, LABELS), "epochs": 4, **kwargs}
    return method.fit(IMAGES, LABELS, callbacks=list(callbacks), **arguments)


class Steps(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.logs = []

    def on_train_batch_end(self, batch, logs=None):
        self.logs.append(dict(logs))


def test_logs_of_an_epoch_are_means_over_its_steps():
    steps = Steps()
    history = _fit(_xvat(), steps, epochs=2).history
    for epoch in range(2):
        one, other = steps.logs[2 * epoch : 2 * epoch + 2]
        for name in one:
            assert history[name][epoch] == pytest.approx((one[name] + other[name]) / 2, rel=1e-5)
        assert one["loss"] == one["objective"] != other["loss"]


@pytest.mark.parametrize("monitor", ["loss", "val_loss", "val_accuracy", "val_cross_entropy"])
def test_early_stopping_ends_what_no_longer_improves(monitor):
    # A classifier that stands still: nothing is better than in the first epoch, two more are given.
    method = _xvat(rate=0.0, mask_rate=0.0)
    method.loss_weights["l0"] = method.loss_weights["divergence"] = 0.0
    stop = keras.callbacks.EarlyStopping(monitor, patience=2, min_delta=1e-4)
    assert len(_fit(method, stop, epochs=9).epoch) == 3


def test_an_accuracy_is_better_when_it_rises():
    class Given(keras.callbacks.Callback):
        """Stands in front, with accuracies of its own."""

        def on_epoch_end(self, epoch, logs=None):
            logs["val_accuracy"] = [0.2, 0.6, 0.4, 0.1][epoch]

    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=1)
    assert len(_fit(_xvat(), Given(), stop).epoch) == 3
    assert stop.best == 0.6


def test_a_plateau_moves_both_players_by_one_factor():
    method = _xvat(rate=0.5, mask_rate=0.1)
    # Never better by a million: halved after each of the epochs after the first.
    plateau = keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5, min_delta=1e6)
    _fit(method, plateau, epochs=3)
    rates = [float(p.optimizer.learning_rate.numpy()) for p in method.all_players()]
    np.testing.assert_allclose(rates, [0.125, 0.025], rtol=1e-6)


def test_a_scheduler_moves_both_players_and_a_schedule_stays():
    ramp = Ramp(0.3, steps_per_epoch=1, up=2.0)
    for mask_rate, expected in ((0.1, 0.05), (ramp, 0.3)):
        method = _xvat(mask_rate=mask_rate)
        halve = keras.callbacks.LearningRateScheduler(lambda epoch: 0.5 / (1 + epoch // 2))
        _fit(method, halve, epochs=4)
        assert float(method.optimizer.learning_rate.numpy()) == 0.25
        rate = float(tf.convert_to_tensor(method.mask_optimizer.learning_rate))
        assert rate == pytest.approx(expected)


def test_a_warm_up_from_0_takes_the_mask_along():
    method = _xvat(rate=0.5, mask_rate=0.1)
    for rates in ([0.0, 0.25, 0.5], [0.5, 0.0], [0.0, 0.25]):  # The last begins where one ended.
        _fit(method, keras.callbacks.LearningRateScheduler(rates.__getitem__), epochs=len(rates))
        rate = float(tf.convert_to_tensor(method.mask_optimizer.learning_rate))
        assert rate == pytest.approx(0.2 * rates[-1])


def test_rates_stand_where_nobody_moves_them():
    method = _xvat()
    _fit(method)
    rates = [float(p.optimizer.learning_rate.numpy()) for p in method.all_players()]
    np.testing.assert_array_equal(rates, np.float32([0.5, 0.1]))


@pytest.mark.parametrize("weights_only", [False, True])
def test_a_checkpoint_keeps_the_best_model(weights_only, tmp_path):
    path = str(tmp_path / ("best.weights.h5" if weights_only else "best.keras"))
    best = keras.callbacks.ModelCheckpoint(
        path, monitor="val_accuracy", save_best_only=True, save_weights_only=weights_only
    )
    method = _xvat()
    history = _fit(method, best, epochs=3).history
    if weights_only:
        method.load_weights(path)
        loaded = method
    else:
        loaded = keras.models.load_model(path)
    received = loaded.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)
    assert received["accuracy"] == pytest.approx(max(history["val_accuracy"]))
