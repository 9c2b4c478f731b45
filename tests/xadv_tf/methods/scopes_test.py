"""What is made in, and what outside of, the scope of a strategy."""

import contextlib

import keras
import pytest
import tensorflow as tf
from fit_support import IMAGES, LABELS, make_mle
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_classifier, two_replicas

from xadv_tf import methods
from xadv_tf.layers import PerturbationTable


def _one_device():
    return tf.distribute.MirroredStrategy(
        [two_replicas().extended.worker_devices[0]],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


def _around(base):
    return keras.Sequential([base, keras.layers.Dense(NUM_CLASSES)])


def _table():
    return PerturbationTable(len(IMAGES), IMAGE_SHAPE, seed=0)


@pytest.mark.parametrize("strategy", [two_replicas, _one_device])
def test_a_method_from_outside_the_scope_is_refused(strategy):
    method = make_mle()
    with strategy().scope():
        message = "scope of the strategy.*Received: training in the scope of MirroredStrategy"
        with pytest.raises(ValueError, match=message):
            method.fit(IMAGES, LABELS, verbose=0)


@pytest.mark.parametrize("strategy", [two_replicas, _one_device])
@pytest.mark.parametrize(
    ("foreign", "make", "received"),
    [
        (make_classifier, methods.MLE, "the classifier's .*kernel"),
        (make_classifier, lambda base: methods.MLE(_around(base)), "the classifier's .*kernel"),
        (
            _table,
            lambda table: methods.XVAT(make_classifier(), mask=table),
            "the mask's .*log_alph",
        ),
    ],
    ids=["classifier", "part of it", "table"],
)
def test_weights_of_another_scope_than_the_methods_are_refused(strategy, foreign, make, received):
    for inside in (True, False):
        scope = strategy().scope
        with contextlib.nullcontext() if inside else scope():
            part = foreign()
        made = ("made outside of the strategy's scope, and a method, made in it",
                "made in it, and a method, made outside of the strategy's scope")  # fmt: skip
        with pytest.raises(ValueError, match=f"{received}.*{made[not inside]}"):
            with scope() if inside else contextlib.nullcontext():
                method = make(part)
                method.compile(keras.optimizers.SGD(0.1))
                method.build((None, *IMAGE_SHAPE))


def test_what_is_not_trained_may_come_from_outside():
    base = make_classifier()
    base.trainable = False
    with two_replicas().scope():
        method = methods.MLE(_around(base))
        method.compile(keras.optimizers.SGD(0.1))
    method.fit(IMAGES, LABELS, verbose=0)
    assert int(method.step.numpy()) == 1


def test_a_strategy_of_plain_variables_trains_what_was_made_outside():
    method = make_mle()
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        method.fit(IMAGES, LABELS, verbose=0)
    assert int(method.step.numpy()) == 1


def test_xla_on_replicas_of_cpus_is_refused():
    strategy = two_replicas()
    if "GPU" in strategy.extended.worker_devices[0]:
        pytest.skip("XLA compiles what crosses GPUs")
    with strategy.scope(), pytest.raises(ValueError, match="jit_compile=True on .*CPU:0, .*CPU:1"):
        make_mle(jit_compile=True)
    with strategy.scope():
        make_mle(jit_compile="auto").fit(IMAGES, LABELS, verbose=0)
