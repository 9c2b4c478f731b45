"""The table of docs/keras.md: what happens to classifiers, data and calls that users bring.

Its rows are run, and the page must say what came of them. To write the page anew:

    python -m tests.xadv_tf.methods.wrapped_classifiers_test
"""

import copy
import pathlib
import re
import tempfile
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import methods
from xadv_tf.layers import PerturbationTable

PAGE = pathlib.Path(__file__).parents[3] / "docs/keras.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
SHAPE, CLASSES = (6, 6, 2), 3
IMAGES = np.random.default_rng(0).normal(size=(8, *SHAPE)).astype(np.float32)
LABELS = np.arange(8) % CLASSES
ONE_HOT = np.eye(CLASSES, dtype=np.float32)[LABELS]


def _layers(*last, shape=SHAPE):
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), *last])


def _functional(shape=SHAPE):
    inputs = keras.Input(shape)
    x = keras.layers.Dense(8, activation="relu")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    def __init__(self, squash=False, **kwargs):
        super().__init__(**kwargs)
        self.squash = squash
        self.flatten = keras.layers.Flatten()
        self.normalize = keras.layers.BatchNormalization()
        self.dense = keras.layers.Dense(CLASSES)

    def call(self, x):
        x = self.dense(self.normalize(self.flatten(x)))
        return keras.ops.softmax(x) if self.squash else x

    def get_config(self):
        return {**super().get_config(), "squash": self.squash}


def _pretrained():
    inputs = keras.Input(SHAPE)
    body = keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(4, 3, name="frozen")])
    body.trainable = False
    x = keras.layers.GlobalAveragePooling2D()(body(inputs, training=False))
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


def _two(inputs):
    first, second = (keras.Input(SHAPE) for _ in range(2))
    dense = keras.layers.Dense(CLASSES)
    if inputs:
        joined = keras.layers.Concatenate()([first, second])
        return keras.Model([first, second], dense(keras.layers.Flatten()(joined)))
    flat = keras.layers.Flatten()(first)
    return keras.Model(first, [dense(flat), keras.layers.Dense(2)(flat)])


def _dict_input():
    inputs = {"image": keras.Input(SHAPE)}
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(keras.layers.Flatten()(inputs["image"])))


def _tokens():
    layers = [keras.layers.Embedding(9, 4), keras.layers.GlobalAveragePooling1D()]
    return keras.Sequential([keras.Input((5,)), *layers, keras.layers.Dense(CLASSES)])


def _fit(classifier, x=IMAGES, y=LABELS, method=methods.XVAT, compiled=None, **kwargs):
    made = method(classifier)
    made.compile(**(compiled or {}))
    made.fit(x, y, verbose=0, **kwargs)
    return made


def _made(**kwargs):
    return methods.XVAT(_functional(), **kwargs)


def _shaped(*shape, **kwargs):
    return _fit(_functional(shape), np.resize(IMAGES, (8, *shape)), **kwargs)


def _saved(method):
    with tempfile.TemporaryDirectory() as folder:
        method.save(f"{folder}/method.keras")
        return keras.models.load_model(f"{folder}/method.keras")


def _exported(method):
    with tempfile.TemporaryDirectory() as folder:
        method.export(f"{folder}/served", verbose=False)


def _generator():
    while True:
        yield IMAGES, LABELS


def _pairs():
    return tf.data.Dataset.from_tensors((IMAGES, LABELS))


def _batches():
    return _pairs().map(
        lambda x, y: {"labeled": {"image": x[:4], "label": y[:4]}, "unlabeled": {"image": x}}
    )


def _pixels():
    return np.random.default_rng(0).integers(0, 256, (8, *SHAPE)).astype(np.uint8)


_SOFTMAX = "softmax"
_STOP = keras.callbacks.EarlyStopping
SITUATIONS = {
    "**The classifier**": None,
    "functional or sequential": lambda: _fit(_functional()),
    "sequential without an input shape": lambda: _fit(
        keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    ),
    "subclassed, with batch normalisation": lambda: _fit(Subclassed()),
    "with a frozen pretrained part": lambda: _fit(_pretrained()),
    "with weight regularizers": lambda: _fit(
        _layers(keras.layers.Dense(CLASSES, kernel_regularizer="l2"))
    ),
    "with activity regularizers": lambda: _fit(
        _layers(keras.layers.Dense(CLASSES, activity_regularizer="l2"))
    ),
    "ends in softmax": lambda: _fit(_layers(keras.layers.Dense(CLASSES, activation=_SOFTMAX))),
    "ends in sigmoid": lambda: _fit(_layers(keras.layers.Dense(CLASSES, activation="sigmoid"))),
    "subclassed, ends in softmax": lambda: _fit(Subclassed(squash=True)),
    "one logit": lambda: _fit(_layers(keras.layers.Dense(1)), y=LABELS % 2),
    "several inputs": lambda: _fit(_two(inputs=True)),
    "a dict of inputs": lambda: _fit(_dict_input()),
    "several outputs": lambda: _fit(_two(inputs=False)),
    "a function": lambda: methods.XVAT(abs),
    "integer tokens, XVAT": lambda: _fit(_tokens(), np.ones((8, 5), np.int32)),
    "integer tokens, PiModel": lambda: _fit(
        _tokens(), np.ones((8, 5), np.int32), method=methods.PiModel
    ),
    "channels first": lambda: _fit(
        keras.Sequential(
            [
                keras.Input((2, 6, 6)),
                keras.layers.GlobalAveragePooling2D(data_format="channels_first"),
                keras.layers.Dense(CLASSES),
            ]
        ),
        np.moveaxis(IMAGES, -1, 1),
    ),
    "sequences [batch, length, channels]": lambda: _shaped(12, 3),
    "volumes [batch, depth, height, width, channels]": lambda: _shaped(3, 4, 5, 2),
    "tabular rows [batch, features]": lambda: _shaped(7),
    "**The data**": None,
    "uint8, float16 or float64 images": lambda: [
        _fit(_functional(), (IMAGES > 0.0).astype(t)) for t in ("uint8", "float16", "float64")
    ],
    "images in 0..255": lambda: _fit(_functional(), _pixels()),
    "images in 0..255, PiModel": lambda: _fit(_functional(), _pixels(), method=methods.PiModel),
    "tf.data of (image, label)": lambda: _fit(_functional(), _pairs(), None),
    "tf.data of labeled and unlabeled batches": lambda: _fit(_functional(), _batches(), None),
    "a generator": lambda: _fit(_functional(), _generator(), None, steps_per_epoch=2),
    "a dict of arrays": lambda: _fit(_functional(), {"image": IMAGES}),
    "labels as a column, [batch, 1]": lambda: _fit(_functional(), y=LABELS[:, None]),
    "one-hot or soft labels": lambda: _fit(_functional(), y=ONE_HOT),
    "labels as floating-point numbers": lambda: _fit(_functional(), y=LABELS + 0.7),
    "labels as strings": lambda: _fit(_functional(), y=np.array(["cat", "dog"] * 4)),
    "a label beyond the classes": lambda: _fit(_functional(), y=LABELS + 1),
    "a table as mask, without an index": lambda: _fit(
        _functional(), method=lambda c: methods.XVAT(c, mask=PerturbationTable(8, (6, 6, 1)))
    ),
    "a mask by name": lambda: _made(mask="inductive"),
    "all weights 0": lambda: _fit(
        _functional(), compiled={"loss_weights": {"cross_entropy": 0, "divergence": 0, "l0": 0}}
    ),
    "**Keras**": None,
    "compile(metrics=, weighted_metrics=)": lambda: _fit(
        _functional(), compiled={"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}
    ),
    "compile(loss_weights=) of terms": lambda: _fit(
        _functional(), compiled={"loss_weights": {"divergence": 0.5}}
    ),
    "compile(loss_weights=) of others": lambda: _fit(
        _functional(), compiled={"loss_weights": {"kl": 0.5}}
    ),
    "compile(label_smoothing=)": lambda: _fit(_functional(), compiled={"label_smoothing": 0.1}),
    "compile(loss=)": lambda: _fit(_functional(), compiled={"loss": "mse"}),
    "fit(class_weight=), fit(sample_weight=)": lambda: [
        _fit(_functional(), class_weight={0: 1.0, 1: 2.0, 2: 0.5}),
        _fit(_functional(), sample_weight=np.ones(8)),
    ],
    "train_on_batch, test_on_batch": lambda: [
        getattr(_fit(Subclassed()), name)(IMAGES, LABELS)
        for name in ("train_on_batch", "test_on_batch")
    ],
    "EarlyStopping, ReduceLROnPlateau with their defaults": lambda: _fit(
        _functional(),
        validation_data=(IMAGES, LABELS),
        callbacks=[_STOP(), keras.callbacks.ReduceLROnPlateau()],
    ),
    'EarlyStopping("val_accuracy")': lambda: _fit(
        _functional(), validation_data=(IMAGES, LABELS), callbacks=[_STOP("val_accuracy")]
    ),
    "save and load_model": lambda: _saved(_fit(Subclassed())),
    "clone_model, copy.deepcopy": lambda: [
        make(_fit(_functional())) for make in (keras.models.clone_model, copy.deepcopy)
    ],
    "export after fit": lambda: _exported(_fit(Subclassed())),
    "run_eagerly=True, steps_per_execution=2": lambda: [
        _fit(_functional(), compiled={"run_eagerly": True}),
        _fit(_functional(), batch_size=2, compiled={"steps_per_execution": 2}),
    ],
}


def _outcome(run):
    """What the page says came of a situation."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            run()
        except ValueError as error:
            text = re.sub(
                r"(?s)Exception encountered when.*?\x1b\[1m(.*?)\x1b.*", r"\1", str(error)
            )
            return f"error: {' '.join(re.sub(r'_[0-9]+', '', text).split())}"
    told = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    return f"warning: {told[0]}" if told else "works"


def _row(name, outcome):
    return f"| {name} | {outcome.replace('|', ' ')} |\n"


def table():
    """The page's table, run."""
    rows = [
        _row(name, _outcome(run) if run is not None else "") for name, run in SITUATIONS.items()
    ]
    return "".join(["| Situation | What happens |\n", "| --- | --- |\n", *rows])


def _printed():
    """{situation: what the page says}."""
    text = PAGE.read_text(encoding="utf-8")
    inside = text[text.index(BEGIN) + len(BEGIN) : text.index(END)]
    cells = [line.strip("|").split(" | ") for line in inside.splitlines()[2:]]
    return {cell[0].strip(): cell[1].strip() for cell in cells}


def test_the_page_has_every_situation_in_order():
    assert list(_printed()) == list(SITUATIONS)


@pytest.mark.parametrize("name", [name for name, run in SITUATIONS.items() if run is not None])
def test_the_page_says_what_happens(name):
    outcome = _outcome(SITUATIONS[name])
    assert _row(name, outcome) == _row(name, _printed()[name])
    assert outcome == "works" or "Received: " in outcome


def write():
    """Writes the table into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    PAGE.write_text(before + table() + after, encoding="utf-8")


if __name__ == "__main__":
    write()
