"""What cannot be trained is refused by one sentence, however the classifier is written."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import methods
from xadv_tf.methods import classifiers

IMAGES = np.random.default_rng(0).normal(size=(12, 8, 8, 3)).astype(np.float32)
LABELS = np.arange(12) % 4


def _sequential(*last):
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), *last])


def _functional(end, units=4):
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, end(keras.layers.Dense(units)(keras.layers.Flatten()(inputs))))


class Subclassed(keras.Model):
    def __init__(self, activation):
        super().__init__()
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(4)
        self.squash = activation

    def call(self, x):
        return self.squash(self.dense(self.flatten(x)))


class Squash(keras.layers.Layer):
    def call(self, x):
        return tf.nn.softmax(x)


class Called(keras.layers.Layer):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


def _nested(inner):
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, keras.Sequential([inner])(inputs))


BUILT = {
    "dense": lambda: _sequential(keras.layers.Dense(4, activation="softmax")),
    "sigmoid": lambda: _sequential(keras.layers.Dense(4, activation="sigmoid")),
    "activation": lambda: _sequential(keras.layers.Dense(4), keras.layers.Activation("softmax")),
    "softmax_layer": lambda: _sequential(keras.layers.Dense(4), keras.layers.Softmax()),
    "reshaped": lambda: _sequential(
        keras.layers.Dense(4, activation="softmax"), keras.layers.Reshape((4,))
    ),
    "operation": lambda: _functional(keras.ops.softmax),
    "sigmoid_operation": lambda: _functional(keras.ops.sigmoid),
    "nested": lambda: _nested(_sequential(keras.layers.Dense(4, activation="softmax"))),
}
FED = {
    "subclassed": lambda: Subclassed(tf.nn.softmax),
    "subclassed_sigmoid": lambda: Subclassed(tf.nn.sigmoid),
    "own_layer": lambda: _sequential(keras.layers.Dense(4), Squash()),
    "own_function": lambda: _sequential(
        keras.layers.Dense(4, activation=lambda x: tf.nn.softmax(x))
    ),
    # Exact zeros and ones, and a sum that rounding took beyond 1.
    "saturated": lambda: Subclassed(lambda x: tf.nn.sigmoid(500.0 * x)),
    "saturated_layer": lambda: _sequential(
        keras.layers.Dense(4), Called(lambda x: tf.nn.sigmoid(500.0 * x))
    ),
    "beyond_1": lambda: Subclassed(lambda x: tf.nn.softmax(1e3 * x) * (1.0 + 2e-7)),
    "bfloat16": lambda: Subclassed(lambda x: tf.nn.softmax(tf.cast(x, tf.bfloat16)) * 1.0039),
    "inner_subclassed": lambda: _nested(Subclassed(tf.nn.softmax)),
}


@pytest.mark.parametrize("kind", BUILT)
def test_probabilities_are_seen_in_the_layers(kind):
    classifier = BUILT[kind]()
    with pytest.raises(ValueError, match="must give logits.*classifier_activation=None.*Received"):
        methods.XVAT(classifier).compile()


@pytest.mark.parametrize("kind", FED)
def test_probabilities_are_seen_in_the_first_batch(kind):
    for train in ("fit", "train_on_batch", "evaluate", "test_on_batch"):
        method = methods.MLE(FED[kind]())
        method.compile()
        with pytest.raises(ValueError, match="must give logits.*Received: outputs in"):
            getattr(method, train)(IMAGES, LABELS)
        assert int(method.step) == 0


@pytest.mark.parametrize(
    "classifier",
    [
        lambda: _sequential(keras.layers.Dense(4)),
        lambda: _sequential(keras.layers.Dense(4, activation="relu")),
        lambda: _sequential(keras.layers.Dense(4, activation="softmax"), keras.layers.Dense(4)),
        lambda: _functional(keras.ops.log_softmax),
        lambda: Subclassed(tf.nn.relu),
        lambda: _sequential(keras.layers.Dense(4, kernel_initializer="zeros")),
        # Small and positive, as of means of rectified maps.
        lambda: Subclassed(lambda x: 0.01 * tf.abs(x) + 0.1),
        # About 0 for any images, as of a MobileNetV2 whose normalisers have seen nothing yet.
        lambda: Subclassed(lambda x: 1e-12 * tf.tanh(x)),
        lambda: Subclassed(lambda x: 1e-12 * tf.tanh(tf.abs(x))),
        # Of either sign, and never beyond 0.5.
        lambda: Subclassed(lambda x: 0.5 * tf.tanh(x) + [0.5, 0.5, 0.4, 0.3]),
        # Rectified and of length 1: zeros and cosines.
        lambda: Subclassed(lambda x: tf.nn.l2_normalize(tf.nn.relu(x) + [0.0, 0.0, 0.3, 0.4], -1)),
    ],
)  # fmt: skip
def test_logits_are_not_taken_for_probabilities(classifier):
    method = methods.MLE(classifier())
    method.compile()
    method.fit(IMAGES, LABELS, verbose=0)


def _several_inputs():
    inputs = [keras.Input((8, 8, 3), name="one"), keras.Input((8, 8, 3), name="other")]
    return keras.Model(inputs, keras.layers.Dense(4)(keras.layers.Flatten()(sum(inputs))))


def _dict_input():
    inputs = {"image": keras.Input((8, 8, 3), name="image")}
    return keras.Model(inputs, keras.layers.Dense(4)(keras.layers.Flatten()(inputs["image"])))


def _several_outputs():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, [keras.layers.Dense(4)(x), keras.layers.Dense(2)(x)])


class DictOutput(Subclassed):
    def call(self, x):
        return {"logits": super().call(x)}


class TwoOutputs(Subclassed):
    def call(self, x):
        return super().call(x), x


class DictInput(Subclassed):
    def call(self, x):
        return super().call(x["image"])


WRONG = {
    "inputs": (_several_inputs, "2 inputs.*one, other"),
    "dict_input": (_dict_input, "a dict of inputs"),
    "subclassed_dict_input": (lambda: DictInput(tf.identity), "one tensor of images.*raises"),
    "outputs": (_several_outputs, "one tensor, the logits.*gives 2"),
    "two_outputs": (lambda: TwoOutputs(tf.identity), "one tensor, the logits"),
    "dict_output": (lambda: DictOutput(tf.identity), "one tensor, the logits.*a dict of 1"),
    "one_logit": (
        lambda: _sequential(keras.layers.Dense(1)), r"two or more classes.*\(None, 1\)"
    ),
    "pixels": (
        lambda: keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Dense(4)]),
        r"\[batch, classes\].*\(None, 8, 8, 4\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_classifier_of_images_is_refused(kind):
    make, received = WRONG[kind]
    method = methods.VAT(make())
    with pytest.raises(
        ValueError, match=f"(?s)^classifier must.*Received: .*{received}|{received}"
    ):
        method.compile()
        method.fit(IMAGES, LABELS, verbose=0)


@pytest.mark.parametrize("received", [lambda x: x, tf.nn.relu, keras.Model, "mlp"])
def test_a_function_is_no_classifier(received):
    for make in (methods.MLE, methods.XVAT, methods.Ladder, methods.EntropyMinimization):
        with pytest.raises(ValueError, match="Received: "):
            make(received)
    with pytest.raises(ValueError, match="generator must be a Keras model.*Received: generator="):
        methods.CatGAN(_sequential(keras.layers.Dense(4)), generator=received)


@pytest.mark.parametrize("name", ["inductive", 3, keras.layers.Dense])
def test_a_mask_or_gate_by_name_is_refused(name):
    classifier = _sequential(keras.layers.Dense(4))
    for make in (methods.XAT, methods.XVAT):
        with pytest.raises(
            ValueError, match="mask must be a PerturbationGenerator.*Received: mask"
        ):
            make(classifier, mask=name)
        with pytest.raises(ValueError, match="gate must be a HardConcreteGate.*Received: gate"):
            make(classifier, gate=name)


def _tokens(**kwargs):
    layers = [keras.layers.Embedding(9, 2), keras.layers.Flatten(), keras.layers.Dense(4)]
    return keras.Sequential([keras.Input((5,), **kwargs), *layers])


@pytest.mark.parametrize("name", ["at", "vat", "xat", "xvat", "random_mask"])
def test_tokens_are_refused_where_they_would_be_perturbed(name):
    with pytest.raises(ValueError, match="integer tokens. Received: the Embedding"):
        methods.get(name)(_tokens()).compile()
    inputs = keras.Input((5,), dtype="int32")
    one_hot = keras.layers.CategoryEncoding(9, output_mode="count")(inputs)
    with pytest.raises(ValueError, match="Received: an input of dtype int32"):
        methods.get(name)(keras.Model(inputs, keras.layers.Dense(4)(one_hot))).compile()


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_tokens_are_taken_by_methods_that_perturb_nothing(dtype):
    method = methods.PiModel(_tokens(dtype=dtype))
    method.compile()
    tokens = np.random.default_rng(0).integers(0, 9, (12, 5)).astype(np.int32)
    method.fit(tokens, LABELS, verbose=0)
    np.testing.assert_array_equal(method(tokens), method.classifier(tokens))


class OneHot(Subclassed):
    def call(self, x):
        return super().call(tf.one_hot(x, 9))


def test_tokens_stay_integers_for_a_classifier_that_looks_them_up_itself():
    method = methods.EntropyMinimization(OneHot(tf.identity))
    tokens = np.random.default_rng(0).integers(0, 9, (12, 5)).astype(np.int32)
    method.classifier(tokens)
    method.compile()
    method.built = True
    method.num_classes = 4
    method.train_step((tf.constant(tokens), LABELS))
    np.testing.assert_array_equal(method(tokens), method.classifier(tokens))


@pytest.mark.parametrize("name", ["xat", "xvat", "random_mask"])
def test_channels_in_front_are_refused(name):
    layers = [keras.layers.GlobalAveragePooling2D(data_format="channels_first")]
    classifier = keras.Sequential([keras.Input((3, 8, 8)), *layers, keras.layers.Dense(4)])
    with pytest.raises(ValueError, match="Received: data_format='channels_first' of layer global"):
        methods.get(name)(classifier).compile()


def test_the_number_of_classes():
    assert classifiers.build(_sequential(keras.layers.Dense(4)), (None, 8, 8, 3)) == 4
    assert classifiers.build(Subclassed(tf.identity), (None, 8, 8, 3)) == 4
