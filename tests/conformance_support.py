"""How the conformance tests make a row's method and take its steps."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance_rows import ALIKE, ROWS, VARIANTS
from tests_support import make_batch

from xadv_tf import methods


@dataclasses.dataclass(frozen=True)
class Plain:
    """What three steps in a plain graph leave: the measure of the other ways to take them."""

    method: methods.Method
    logs: list[dict[str, float]]
    weights: list[np.ndarray]


def others_slow(names, among=ROWS):
    """Runs a test for each row of `among`, and marks those not in `names` as slow.

    By modules, so that the tests of a row stand together and share its plain steps.
    """
    rows = [name if name in names else pytest.param(name, marks=pytest.mark.slow) for name in among]
    return pytest.mark.parametrize("name", rows, scope="module")


KINDS_OF_STEP = set(ROWS) - set(VARIANTS) - set(ALIKE)
each_kind_of_step = others_slow(KINDS_OF_STEP)


# A row's tests stand together; what no one asks for any more need not fill the memory.
@functools.lru_cache(maxsize=2)
def plain_steps(name):
    method = make(name)
    logs = steps(method, three_batches())
    return Plain(method, logs, weights(method))


def three_batches():
    return [make_batch(seed=i) for i in range(3)]


def make(name, optimizers=None, **classifier):
    keras.utils.set_random_seed(3)
    row = ROWS[name]
    method = row.make(row.make_network(**row.classifier, **classifier))
    method.compile(**(optimizers or {}))
    row.prepare(method)
    return method


def steps(method, batches, **kwargs):
    step = tf.function(method.train_step, autograph=False, **kwargs)
    return [{name: float(value) for name, value in step(batch).items()} for batch in batches]


def weights(method):
    return [v.numpy() for player in method.all_players() for v in player.variables]
