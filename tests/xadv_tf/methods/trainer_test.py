"""A method as its users expect a Keras model to be: fit and evaluate, under any strategy."""

import contextlib
import copy
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_batch, make_classifier, two_replicas

from xadv_tf import methods

IMAGES = np.random.default_rng(0).normal(size=(11, *IMAGE_SHAPE)).astype(np.float32)
LABELS = np.random.default_rng(1).integers(0, NUM_CLASSES, 11)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(NUM_CLASSES, kernel_initializer="ones")

    def call(self, x):
        return self.dense(self.flatten(x))


class Standardize(keras.layers.Layer):
    """Scales so that the batch that it is initialised with has deviation 1."""

    initializes_from_data = True

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        from xadv_tf.layers import data_initialization

        if data_initialization.is_active():
            self.gain.assign(1.0 / tf.math.reduce_std(x))
        return self.gain * x


def _initialised():
    layers = [Standardize(), keras.layers.Flatten(), keras.layers.Dense(NUM_CLASSES)]
    return keras.Sequential([keras.Input(IMAGE_SHAPE), *layers])


def _mle(classifier=None, **kwargs):
    keras.utils.set_random_seed(3)
    method = methods.MLE(classifier() if classifier else make_classifier())
    method.compile(optimizer=keras.optimizers.SGD(0.5), **kwargs)
    return method


def _weights(method):
    return [v.numpy() for v in method.classifier.trainable_variables]


def _state(method):
    """All but the state of layers' own generators, which nobody looks at."""
    return [v.numpy() for v in method.variables if "seed_generator" not in v.path]


def _assert_equal(one, other, **tolerance):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, **(tolerance or {"rtol": 0.0, "atol": 0.0}))


def _dataset(batch_size=4):
    return tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(batch_size)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        part = slice(4 * index, 4 * index + 4)
        return IMAGES[part], LABELS[part]


# Replicas.


# 11 images in batches of 4: the last one is 2 and 1; in batches of 5 it is 1 and none.
@pytest.mark.parametrize(
    ("classifier", "inside", "batch_size"),
    [(None, False, 4), (Subclassed, True, 5), (_initialised, False, 5)],
)
def test_fit_on_two_replicas_is_fit_on_one(classifier, inside, batch_size):
    arguments = {"batch_size": batch_size, "shuffle": False, "verbose": 0, "epochs": 2}
    one = _mle(classifier)
    fitted = one.fit(IMAGES, LABELS, **arguments)
    strategy = two_replicas()
    with strategy.scope():
        two = _mle(classifier)
    with strategy.scope() if inside else contextlib.nullcontext():
        received = two.fit(IMAGES, LABELS, **arguments)
    _assert_equal(_weights(one), _weights(two), atol=1e-5)
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


def test_a_method_from_outside_the_scope_is_refused():
    method = _mle()
    with two_replicas().scope():
        with pytest.raises(ValueError, match="scope of the strategy.*Received: fit in the scope"):
            method.fit(IMAGES, LABELS, verbose=0)


# What fit takes.


@pytest.mark.parametrize("classifier", [None, Subclassed, _initialised])
@pytest.mark.parametrize("kind", ["generator", "pydataset", "dataset", "on_batch"])
def test_all_kinds_of_data_train_alike(classifier, kind):
    arrays, other = _mle(classifier), _mle(classifier)
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
    _assert_equal(_weights(arrays), _weights(other))
    assert int(other.step) == 3


def test_one_batch_of_labeled_and_unlabeled_images():
    by_step, by_keras = _mle(Subclassed), _mle(Subclassed)
    by_step.build((None, *IMAGE_SHAPE))
    batch = make_batch()
    by_step.train_step(batch)
    by_keras.train_on_batch(batch)
    _assert_equal(_weights(by_step), _weights(by_keras))
    assert by_keras.test_on_batch(batch, return_dict=True)["loss"] > 0.0


@pytest.mark.parametrize("classifier", [None, Subclassed])
def test_an_untrained_method_is_evaluated(classifier):
    method = _mle(classifier)
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
        _mle().fit(data, LABELS, verbose=0)


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
        _assert_equal(_weights(method), _weights(expected))
        if hasattr(method, "perturb"):
            seen = method.perturb(given, **({"label": LABELS[:8]} if name == "at" else {}))
            assert seen["x_adv"].dtype == tf.float32
        np.testing.assert_array_equal(method(given), method(images.astype("float32")))


# Losses, weights, metrics.


def test_accumulated_gradients_are_those_of_the_larger_batch():
    # Two batches of 4 in two steps are one of 8 in one.
    keras.utils.set_random_seed(3)
    method = methods.MLE(make_classifier())
    method.compile(keras.optimizers.SGD(0.5, gradient_accumulation_steps=2))
    method.fit(IMAGES[:8], LABELS[:8], batch_size=4, shuffle=False, verbose=0)
    whole = _mle()
    whole.fit(IMAGES[:8], LABELS[:8], batch_size=8, verbose=0, shuffle=False)
    _assert_equal(_weights(whole), _weights(method), atol=1e-6)


@pytest.mark.parametrize("kind", ["one_hot", "soft"])
def test_labels_may_be_distributions(kind):
    one_hot = np.eye(NUM_CLASSES, dtype=np.float32)[LABELS]
    integers, others = _mle(), _mle()
    if kind == "one_hot":
        others.fit(IMAGES, one_hot, shuffle=False, verbose=0)
        integers.fit(IMAGES, LABELS, shuffle=False, verbose=0)
        _assert_equal(_weights(integers), _weights(others), atol=1e-6)
        both = [
            m.evaluate(IMAGES, y, verbose=0) for m, y in ((integers, LABELS), (others, one_hot))
        ]
        assert both[0] == pytest.approx(both[1])
    else:
        soft = 0.7 * one_hot + 0.3 / NUM_CLASSES
        integers.compile(optimizer=keras.optimizers.SGD(0.5), label_smoothing=0.3)
        integers.fit(IMAGES, LABELS, shuffle=False, verbose=0)
        others.fit(IMAGES, soft, shuffle=False, verbose=0)
        _assert_equal(_weights(integers), _weights(others), atol=1e-6)


def test_weights_of_classes_and_of_examples_are_those_of_the_supervised_term():
    class_weight = {0: 0.5, 1: 2.0, 2: 0.0}
    sample_weight = np.array([class_weight[label] for label in LABELS], np.float32)
    by_class, by_sample, by_batch = _mle(), _mle(), _mle()
    arguments = {"shuffle": False, "verbose": 0, "batch_size": 11}
    by_class.fit(IMAGES, LABELS, class_weight=class_weight, **arguments)
    by_sample.fit(IMAGES, LABELS, sample_weight=sample_weight, **arguments)
    by_batch.fit(
        tf.data.Dataset.from_tensors((IMAGES, LABELS)).map(
            lambda x, y: {"labeled": {"image": x, "label": y}, "unlabeled": {"image": x}}
        ),
        class_weight=class_weight,
        verbose=0,
    )
    # As Keras: the weighted losses, divided by the number of examples.
    model = make_classifier()
    keras.utils.set_random_seed(3)
    model = make_classifier()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.5), loss)
    model.fit(IMAGES, LABELS, sample_weight=sample_weight, **arguments)
    for method in (by_class, by_sample, by_batch):
        _assert_equal(model.get_weights(), _weights(method), atol=1e-6)


def test_loss_weights_are_those_of_the_terms():
    # With no weight for the divergence and the masks xVAT takes the step of MLE.
    method = methods.XVAT(make_classifier())
    keras.utils.set_random_seed(3)
    method = methods.XVAT(make_classifier())
    weights = {"divergence": 0.0, "l0": 0.0}
    method.compile(keras.optimizers.SGD(0.5), loss_weights=weights)
    mask = [v.numpy() for v in method.mask.trainable_variables]
    mle = _mle()
    for each in (method, mle):
        each.fit(IMAGES, LABELS, shuffle=False, verbose=0)
    _assert_equal(_weights(method), _weights(mle))
    # A player without gradient stands still.
    _assert_equal(mask, [v.numpy() for v in method.mask.trainable_variables])
    with pytest.raises(ValueError, match="terms cross_entropy.*Received: loss_weights={'kl': 1.0}"):
        method.compile(loss_weights={"kl": 1.0})
    with pytest.raises(ValueError, match="loss must be None.*Received: loss='mse'"):
        method.compile(loss="mse")
    with pytest.raises(ValueError, match="Received: label_smoothing=1.5"):
        method.compile(label_smoothing=1.5)


@pytest.mark.parametrize(
    "make",
    [
        lambda c: methods.XVAT(c, clean_weight=0.0, adversarial_weight=0.0, sparsity=0.0),
        lambda c: methods.AT(c, clean_weight=0.0, adversarial_weight=0.0),
    ],
)
def test_an_objective_without_a_weight_is_refused(make):
    with pytest.raises(ValueError, match="weights of cross_entropy.* must not be 0.*Received: "):
        make(make_classifier()).compile()


def test_compiled_metrics_are_honoured():
    method = _mle(
        metrics=[keras.metrics.SparseTopKCategoricalAccuracy(k=2, name="top_2")],
        weighted_metrics=[keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name="ce")],
    )
    weight = np.linspace(0.0, 1.0, 11, dtype=np.float32)
    logs = method.fit(
        IMAGES, LABELS, sample_weight=weight, batch_size=11, verbose=0,
        validation_data=(IMAGES, LABELS, weight),
    ).history  # fmt: skip
    logits = method.classifier(IMAGES).numpy()
    top = np.mean([y in np.argsort(row)[-2:] for y, row in zip(LABELS, logits, strict=True)])
    losses = keras.losses.sparse_categorical_crossentropy(LABELS, logits, from_logits=True)
    assert logs["val_top_2"][0] == pytest.approx(top)
    assert logs["val_ce"][0] == pytest.approx(np.sum(weight * losses) / np.sum(weight), rel=1e-5)
    # In training of the pass before the step, and as Keras weighs it.
    before = _mle()
    expected = before.evaluate(IMAGES, LABELS, batch_size=11, verbose=0, return_dict=True)
    assert logs["accuracy"][0] == pytest.approx(expected["accuracy"])
    assert {"top_2", "ce", "loss", "val_loss", "val_accuracy", "val_cross_entropy"} <= set(logs)


def test_an_accuracy_of_ones_own_takes_the_place_of_the_methods():
    # All are taken for class 0; the half that is not of it has no weight.
    method = _sure_of_class_0(weighted_metrics=["accuracy"])
    labels, weight = np.array([0, 0, 1, 2]), np.array([1.0, 1.0, 0.0, 0.0], np.float32)
    logs = method.fit(
        IMAGES[:4], labels, sample_weight=weight, validation_data=(IMAGES[:4], labels, weight),
        verbose=0,
    ).history  # fmt: skip
    assert logs["accuracy"] == [1.0] and logs["val_accuracy"] == [1.0]
    received = method.evaluate(IMAGES[:4], labels, verbose=0, return_dict=True)
    assert received["accuracy"] == 0.5 and received["loss"] == received["cross_entropy"]
    for name in ("loss", "cross_entropy", "objective"):
        with pytest.raises(ValueError, match=f"name of a term.*Received: a metric named '{name}'"):
            method.compile(metrics=[keras.metrics.Mean(name=name)])


@pytest.mark.parametrize("kwargs", [{}, {"metrics": ["accuracy"]}])
def test_unknown_labels_are_neither_right_nor_wrong(kwargs):
    method = _sure_of_class_0(**kwargs)
    rows = np.eye(NUM_CLASSES, dtype=np.float32)[[0, 0, 0, 0]]
    rows[2:] = 0.0
    loss = method.evaluate(IMAGES[:2], np.zeros(2, int), verbose=0, return_dict=True)["loss"]
    assert loss > 0.0
    for labels in (np.array([0, 0, -1, -1]), rows):
        if kwargs and labels.ndim == 2:
            continue  # Keras builds "accuracy" for one form of labels.
        received = method.evaluate(IMAGES[:4], labels, verbose=0, return_dict=True)
        assert received["accuracy"] == 1.0
        assert received["loss"] == pytest.approx(loss, rel=1e-5)


def _sure_of_class_0(**kwargs):
    method = methods.MLE(make_classifier())
    method.compile(keras.optimizers.SGD(0.0), **kwargs)
    for variable in method.classifier.trainable_variables:
        variable.assign(tf.zeros_like(variable.value))
    method.classifier.trainable_variables[-1].assign([3.0, 0.0, 0.0])
    return method


def test_weights_of_a_compile_go_with_it():
    for sparsity, l0 in ((None, 1.0 / 36.0), (0.5, 0.5)):  # By default 1 / pixels, of 6 x 6.
        method = methods.XVAT(make_classifier(), sparsity=sparsity)
        method.compile(loss_weights={"divergence": 0.5, "l0": 0.25})
        assert method.loss_weights == {"cross_entropy": 1.0, "divergence": 0.5, "l0": 0.25}
        method.compile()
        assert method.loss_weights == {"cross_entropy": 1.0, "divergence": 1.0, "l0": l0}


@pytest.mark.parametrize("weights", [["1"], {"divergence": "1"}, {"divergence": np.nan}, 1.0])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="loss_weights must be a dict.*Received: loss_weights="):
        methods.XVAT(make_classifier()).compile(loss_weights=weights)


def test_lengths_and_weights_of_a_constructor_are_finite():
    for make, name in itertools.product((methods.VAT, methods.AT), ("epsilon",)):
        for value in (np.nan, np.inf):
            with pytest.raises(ValueError, match=f"must be finite.*Received: {name}={value}"):
                make(make_classifier(), **{name: value})
    with pytest.raises(ValueError, match="must be finite.*Received: xi=nan"):
        methods.VAT(make_classifier(), xi=np.nan)
    with pytest.raises(ValueError, match="a finite number.*Received: divergence=nan"):
        methods.VAT(make_classifier(), adversarial_weight=np.nan).compile()


def test_layers_of_float16_are_refused():
    layers = [keras.layers.Flatten(), keras.layers.Dense(NUM_CLASSES, dtype="float16", name="low")]
    with pytest.raises(ValueError, match="mixed_bfloat16 or float32. Received: the layer low of"):
        methods.MLE(keras.Sequential([keras.Input(IMAGE_SHAPE), *layers])).compile()


@pytest.mark.parametrize("name", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_compile_comes_first(name):
    with pytest.raises(ValueError, match=r"must call `compile\(\)` before"):
        getattr(methods.MLE(make_classifier()), name)(IMAGES, LABELS)


def test_compiled_metrics_on_two_replicas():
    def fitted():
        return _mle(metrics=["accuracy", keras.metrics.F1Score(name="f1")]).fit(
            IMAGES, np.eye(NUM_CLASSES, dtype=np.float32)[LABELS], batch_size=4, shuffle=False,
            verbose=0, validation_data=(IMAGES, np.eye(NUM_CLASSES, dtype=np.float32)[LABELS]),
        ).history  # fmt: skip

    one = fitted()
    with two_replicas().scope():
        two = fitted()
    assert one.keys() == two.keys()
    for name in ("accuracy", "f1", "val_accuracy", "val_f1"):
        np.testing.assert_allclose(one[name], two[name], rtol=1e-5, err_msg=name)


def test_an_evaluation_counts_examples():
    # 11 images in batches of 4: their mean, not that of the batches' means.
    method = _mle()
    received = method.evaluate(IMAGES, LABELS, batch_size=4, verbose=0, return_dict=True)
    hits = np.argmax(method(IMAGES), axis=-1) == LABELS
    assert received["accuracy"] == pytest.approx(np.mean(hits))


def test_weights_of_a_combination_are_those_of_its_terms():
    method = methods.Combined([methods.XVAT(make_classifier()), methods.EntropyMinimization()])
    method.compile(loss_weights={"entropy": 0.25, "l0": 0.5}, label_smoothing=0.1)
    assert (method.loss_weights["entropy"], method.loss_weights["l0"]) == (0.25, 0.5)
    assert [part.label_smoothing for part in method.parts] == [0.1, 0.1]
    twin = copy.deepcopy(method)
    assert twin.loss_weights == method.loss_weights and twin.label_smoothing == 0.1
