"""What `help` says of every method: its whole signature, each argument, an example that runs."""

import inspect
import re
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import layers, methods, models, optimizers

CLASSES = [*methods.METHODS.values(), methods.Combined]
# With their defaults: of every method, by whatever name it is found.
COMMON = {"seed": 0, "ema_decay": None, "evaluate_ema": False, "name": None}
every_method = pytest.mark.parametrize("method_class", CLASSES, ids=lambda cls: cls.__name__)


def _parameters(method_class):
    return dict(list(inspect.signature(method_class.__init__).parameters.items())[1:])


def _section(method_class, title):
    """The lines of a Google-style section of the class's docstring, without their indent."""
    found = re.search(rf"^{title}:\n((?:    .*\n|\n)+)", f"{inspect.getdoc(method_class)}\n", re.M)
    assert found, f"{method_class.__name__} has no section {title}"
    return textwrap.dedent(found[1])


@every_method
def test_signatures_are_explicit(method_class):
    parameters = _parameters(method_class)
    kinds = {p.kind for p in parameters.values()}
    assert kinds == {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    assert all(p.annotation is not inspect.Parameter.empty for p in parameters.values())
    # One that is not there would be a misspelling that nobody notices.
    expected = dict(COMMON)
    if method_class is methods.FeatureMatchingGAN:
        expected |= {"ema_decay": 0.9999, "evaluate_ema": True}
    if method_class is methods.Combined:
        expected["seed"] = None  # The first part's.
    assert {name: parameters[name].default for name in COMMON} == expected


@every_method
def test_every_argument_is_explained_once(method_class):
    explained = re.findall(r"^(\w+): \S", _section(method_class, "Args"), re.M)
    assert sorted(explained) == sorted(_parameters(method_class))


@pytest.mark.parametrize("method_class", [methods.XAT, methods.XVAT])
def test_the_objective_stands_whole_in_the_docstring(method_class):
    text = inspect.getdoc(method_class)
    assert re.search(r"J = clean_weight CE\(y, p\).*\+ w D.*\+ lambda L0 - lambda2 S", text, re.S)
    symbols = ("p, q", "CE", "D", "w", "a", "z", "beta, gamma, zeta", "L0", "lambda", "S")
    for symbol in (*symbols, "lambda2"):
        assert re.search(rf"^    {symbol}(  +\S|\n)", text, re.M), symbol
    assert "classifier descends J, the mask ascends it" in text


@every_method
def test_the_example_runs(method_class):
    code = re.fullmatch(r"```python\n(.*)```\n*", _section(method_class, "Example"), re.S)[1]
    assert 3 <= len(code.splitlines()) <= 6
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).normal(size=(8, 28, 28, 1)).astype(np.float32)
    labels = np.arange(8) % 10
    batch = {
        "labeled": {"image": images[:4], "label": labels[:4], "index": np.arange(4)},
        "unlabeled": {"image": images, "index": np.arange(8)},
    }
    flat = [keras.layers.Input((28, 28, 1)), keras.layers.Flatten()]
    dense = keras.layers.Dense(784, name="images")
    names = {
        **{name: getattr(methods, name) for name in methods.__all__},
        **{name: getattr(layers, name) for name in layers.__all__},
        "Ramp": optimizers.Ramp,
        "ladder_mlp": models.ladder_mlp,
        "images": images,
        "labels": labels,
        "batches": tf.data.Dataset.from_tensors(batch),
        "classifier": keras.Sequential(
            [*flat, keras.layers.Dense(4, "tanh"), keras.layers.Dense(10)]
        ),
        "generator": keras.Sequential(
            [keras.layers.Input((3,)), dense, keras.layers.Reshape((28, 28, 1))]
        ),
    }
    exec(code, names)  # noqa: S102
    method = names["method"]
    assert type(method) is method_class and int(method.step) == 1
    if "logits" in names:
        assert names["logits"].shape == (8, 10)


@every_method
def test_common_arguments_reach_the_method(method_class):
    image = keras.layers.Input((28, 28, 1))
    classifier = keras.Sequential([image, keras.layers.Flatten(), keras.layers.Dense(10)])
    if method_class is methods.Ladder:
        classifier = models.ladder_mlp((28, 28, 1), 10, hidden_units=(4,))
    needed = {
        "classifier": classifier,
        "parts": [methods.MLE(classifier)],
        "generator": keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)]),
        "num_examples": 8,
        "steps_per_epoch": 2,
    }
    needed = {name: value for name, value in needed.items() if name in _parameters(method_class)}
    method = method_class(**needed, seed=7, ema_decay=0.5, evaluate_ema=True, name="mine")
    received = (method.seed, method.ema_decay, method.evaluate_ema, method.name)
    assert received == (7, 0.5, True, "mine")
