"""A method as its users expect a Keras model to be: fit and evaluate, under any strategy."""

import contextlib
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from fit_support import IMAGES, LABELS, Standardize, assert_equal, make_mle, weights_of
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_batch, make_classifier, two_replicas

from xadv_tf import methods


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(NUM_CLASSES, kernel_initializer="ones")

    def call(self, x):
        return self.dense(self.flatten(x))


def _initialised():
    layers = [Standardize(), keras.layers.Flatten(), keras.layers.Dense(NUM_CLASSES)]
    return keras.Sequential([keras.Input(IMAGE_SHAPE), *layers])


def _dataset(batch_size=4):
    return tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(batch_size)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        part = slice(4 * index, 4 * index + 4)
        return IMAGES[part], LABELS[part]


# 11 images in batches of 4: the last one is 2 and 1; in batches of 5 it is 1 and none.
@pytest.mark.parametrize(
    ("classifier", "inside", "batch_size"),
    [
        pytest.param(make_classifier, False, 4, marks=pytest.mark.slow),
        (Subclassed, True, 5),
        pytest.param(_initialised, False, 5, marks=pytest.mark.slow),
    ],
)
def test_fit_on_two_replicas_is_fit_on_one(classifier, inside, batch_size):
    arguments = {"batch_size": batch_size, "shuffle": False, "verbose": 0, "epochs": 2}
    one = make_mle(classifier)
    fitted = one.fit(IMAGES, LABELS, **arguments)
    strategy = two_replicas()
    with strategy.scope():
        two = make_mle(classifier)
    with strategy.scope() if inside else contextlib.nullcontext():
        received = two.fit(IMAGES, LABELS, **arguments)
    assert_equal(weights_of(one), weights_of(two), atol=1e-5)
    assert received.history.keys() == fitted.history.keys()
    for name, values in fitted.history.items():
        np.testing.assert_allclose(received.history[name], values, atol=1e-4, err_msg=name)
    expected = one.evaluate(IMAGES, LABELS, batch_size=batch_size, verbose=0)
    evaluated = two.evaluate(IMAGES, LABELS, batch_size=batch_size, verbose=0)
    assert evaluated == pytest.approx(expected, rel=1e-5)


def test_optimizers_from_outside_the_scope_are_taken_into_it():
    optimizers = [keras.optimizers.SGD(0.5), keras.optimizers.SGD(0.25)]
    with two_replicas().scope():
        method = methods.XVAT(make_classifier())
    method.compile(optimizers[0], mask_optimizer=optimizers[1])
    method.fit(IMAGES, LABELS, verbose=0)
    assert [float(p.optimizer.learning_rate.numpy()) for p in method.all_players()] == [0.5, 0.25]
    for player in method.all_players():
        assert player.optimizer not in optimizers
        for variable in [*player.variables, *player.optimizer.variables]:
            np.testing.assert_array_equal(*(mirror.numpy() for mirror in variable.value.values))


def test_data_that_a_strategy_has_distributed_are_taken():
    data = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(5)
    one = make_mle(metrics=["accuracy"])
    strategy = two_replicas()
    with strategy.scope():
        two = make_mle(metrics=["accuracy"])
    expected = one.fit(data, verbose=0).history
    received = two.fit(strategy.experimental_distribute_dataset(data), verbose=0).history
    assert received.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(received[name], values, atol=1e-4, err_msg=name)
    evaluated = two.evaluate(strategy.experimental_distribute_dataset(data), verbose=0)
    assert evaluated == pytest.approx(one.evaluate(data, verbose=0), rel=1e-4)


@pytest.mark.parametrize("classifier", [make_classifier, Subclassed, _initialised])
@pytest.mark.parametrize("kind", ["generator", "pydataset", "dataset", "on_batch"])
def test_all_kinds_of_data_train_alike(classifier, kind):
    arrays, other = make_mle(classifier), make_mle(classifier)
    arrays.fit(IMAGES, LABELS, batch_size=4, shuffle=False, verbose=0)
    if kind == "generator":
        other.fit((Batches()[i % 3] for i in itertools.count()), steps_per_epoch=3, verbose=0)
    elif kind == "pydataset":
        other.fit(Batches(), shuffle=False, verbose=0)
    elif kind == "dataset":
        other.fit(_dataset(), verbose=0)
    else:
        for i in range(3):
            logs = other.train_on_batch(*Batches()[i], return_dict=True)
        assert logs["loss"] == logs["objective"]
    assert_equal(weights_of(arrays), weights_of(other))
    assert int(other.step) == 3


def test_one_batch_of_labeled_and_unlabeled_images():
    by_step, by_keras = make_mle(Subclassed), make_mle(Subclassed)
    by_step.build((None, *IMAGE_SHAPE))
    batch = make_batch()
    by_step.train_step(batch)
    by_keras.train_on_batch(batch)
    assert_equal(weights_of(by_step), weights_of(by_keras))
    assert by_keras.test_on_batch(batch, return_dict=True)["loss"] > 0.0


@pytest.mark.parametrize("classifier", [make_classifier, Subclassed])
def test_an_untrained_method_is_evaluated(classifier):
    method = make_mle(classifier)
    received = method.test_on_batch(IMAGES, LABELS, return_dict=True)
    assert received == pytest.approx(
        method.evaluate(IMAGES, LABELS, batch_size=4, verbose=0, return_dict=True), rel=1e-5
    )
    logits = method.classifier(IMAGES)
    expected = keras.losses.sparse_categorical_crossentropy(LABELS, logits, from_logits=True)
    assert received["loss"] == received["cross_entropy"] == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("data", [{"image": IMAGES}, [IMAGES, LABELS], "images"])
def test_other_data_is_refused(data):
    with pytest.raises(ValueError, match="^(x must be one array|A batch must be).*Received: "):
        make_mle().fit(data, LABELS, verbose=0)


@pytest.mark.parametrize(
    "name", ["mle", "at", "vat", "xat", "xvat", "random_mask", "pi_model", "mean_teacher"]
)
def test_images_of_any_type(name):
    images = np.random.default_rng(0).integers(0, 2, (8, *IMAGE_SHAPE))

    def train(dtype):
        keras.utils.set_random_seed(3)
        method = methods.get(name)(make_classifier())
        method.compile(optimizer=keras.optimizers.SGD(0.5))
        method.train_step((tf.constant(images.astype(dtype)), LABELS[:8]))
        return method

    expected = train("float32")
    for dtype in ("uint8", "float16", "float64", "int32"):
        method, given = train(dtype), images.astype(dtype)
        assert_equal(weights_of(method), weights_of(expected))
        if hasattr(method, "perturb"):
            seen = method.perturb(given, **({"label": LABELS[:8]} if name == "at" else {}))
            assert seen["x_adv"].dtype == tf.float32
        np.testing.assert_array_equal(method(given), method(images.astype("float32")))


def test_accumulated_gradients_are_those_of_the_larger_batch():
    # Two batches of 4 in two steps are one of 8 in one.
    keras.utils.set_random_seed(3)
    method = methods.MLE(make_classifier())
    method.compile(keras.optimizers.SGD(0.5, gradient_accumulation_steps=2))
    method.fit(IMAGES[:8], LABELS[:8], batch_size=4, shuffle=False, verbose=0)
    whole = make_mle()
    whole.fit(IMAGES[:8], LABELS[:8], batch_size=8, verbose=0, shuffle=False)
    assert_equal(weights_of(whole), weights_of(method), atol=1e-6)


@pytest.mark.parametrize("name", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_compile_comes_first(name):
    with pytest.raises(ValueError, match=r"must call `compile\(\)` before"):
        getattr(methods.MLE(make_classifier()), name)(IMAGES, LABELS)


def test_an_evaluation_counts_examples():
    # 11 images in batches of 4: their mean, not that of the batches' means.
    method = make_mle()
    received = method.evaluate(IMAGES, LABELS, batch_size=4, verbose=0, return_dict=True)
    hits = np.argmax(method(IMAGES), axis=-1) == LABELS
    assert received["accuracy"] == pytest.approx(np.mean(hits))


def test_a_loss_and_a_smoothing_out_of_range_are_refused():
    method = methods.MLE(make_classifier())
    with pytest.raises(ValueError, match="loss must be None.*Received: loss='mse'"):
        method.compile(loss="mse")
    with pytest.raises(ValueError, match="Received: label_smoothing=1.5"):
        method.compile(label_smoothing=1.5)


def test_fit_takes_its_arguments_in_keras_order():
    named = make_mle().fit(IMAGES, LABELS, batch_size=4, epochs=2, verbose=0, shuffle=False)
    placed = make_mle().fit(IMAGES, LABELS, 4, 2, 0, shuffle=False)
    assert placed.history == named.history and placed.epoch == [0, 1]
    with pytest.raises(TypeError, match="epoch_count"):
        make_mle().fit(IMAGES, LABELS, epoch_count=2)
