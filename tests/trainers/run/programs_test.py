"""Many steps in one compiled program: the steps that the loop takes, to the bit however divided."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, LABELED, POOL, make_classifier, make_pool

from trainers.run.loop import Loop
from trainers.run.programs import STEPS_PER_PROGRAM, Programs
from trainers.run.sources import PoolSource
from xadv_tf import data, methods
from xadv_tf.layers import PerturbationTable


def _sampler(labeled=6, unlabeled=8, **kwargs):
    return data.Sampler(
        num_labeled=LABELED,
        num_pool=POOL,
        labeled_batch_size=labeled,
        unlabeled_batch_size=unlabeled,
        seed=5,
        **kwargs,
    )


@pytest.mark.parametrize(
    ("labeled", "unlabeled", "kwargs"),
    [
        (6, 8, {}),
        pytest.param(6, 0, {}, marks=pytest.mark.slow),
        pytest.param(0, 8, {}, marks=pytest.mark.slow),
        (6, 8, {"joined": True}),
        pytest.param(12, 8, {"epochwise": True}, marks=pytest.mark.slow),
    ],
)
def test_a_program_sees_the_batches_of_its_steps_and_of_no_others(labeled, unlabeled, kwargs):
    sampler = _sampler(labeled, unlabeled, **kwargs)
    source = PoolSource(make_pool(), sampler, tf.distribute.get_strategy())
    log_size = max(labeled, 1) + max(unlabeled, 1)

    def seen(batch):
        parts = [batch["labeled"]["index"], batch["unlabeled"]["index"]]
        parts += [batch["labeled"]["label"]]
        return tf.cast(tf.concat(parts, axis=0), tf.float32)[:log_size]

    first, count = 3, STEPS_PER_PROGRAM + 2  # Two programs, the second not full.
    batches = [
        make_pool().gather(sampler.indices(first + i), joined=sampler.joined) for i in range(count)
    ]
    for whole in (False, True):
        rows = Programs(source, seen, whole=whole).run(source.open(first, count), first, count)
        np.testing.assert_array_equal(rows, [seen(batch) for batch in batches])


def test_a_whole_program_knows_its_number_of_steps():
    # Otherwise the card would wait for the host after each step.
    source = PoolSource(make_pool(), _sampler(), tf.distribute.get_strategy())
    moved = tf.Variable(0.0)

    def moves(batch):
        moved.assign_add(tf.reduce_sum(batch["labeled"]["image"]))
        return moved[None]

    program = Programs(source, moves, whole=True)._program
    opened = source.open(0, 1)
    drawn = source.draw_ahead(opened, tf.constant(0, tf.int64), STEPS_PER_PROGRAM)
    for count, known in ((None, True), (tf.constant(50), False)):
        hlo = program.experimental_get_compiler_ir(*drawn, count)(stage="optimized_hlo")
        assert (f'"known_trip_count":{{"n":"{STEPS_PER_PROGRAM}"}}' in hlo) is known


# Step by step is also how streaming_test divides its steps.
@pytest.mark.parametrize("whole", [pytest.param(False, marks=pytest.mark.slow), True])
def test_how_steps_are_divided_into_calls_changes_no_bit(whole, monkeypatch):
    def loop():
        keras.utils.set_random_seed(2)
        mask = PerturbationTable(POOL, (*IMAGE_SHAPE[:2], 1), seed=0)
        method = methods.XVAT(make_classifier(dropout=0.2), mask=mask, seed=5)
        method.compile()
        strategy = tf.distribute.get_strategy()
        made = Loop(method, make_pool(), _sampler(), strategy=strategy, jit_compile=True)
        assert made.stride == (STEPS_PER_PROGRAM if whole else 1)
        return made

    devices = {"GPU": ["GPU:0"] * whole}
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: devices[kind])
    run = loop()
    optimizers = [player.optimizer for player in run.method.players()]
    variables = [v for owner in (run.method, *optimizers) for v in owner.variables]
    start = [np.array(variable) for variable in variables]
    count = STEPS_PER_PROGRAM + 6
    rows = run.run(count)
    assert run.step == count and len(rows) == count
    end = [np.array(variable) for variable in variables]
    for variable, value in zip(variables, start, strict=True):
        variable.assign(value)
    assert run.step == 0
    np.testing.assert_array_equal(rows, np.concatenate([run.run(1), run.run(count - 1)]))
    for variable, value in zip(variables, end, strict=True):
        np.testing.assert_array_equal(variable, value, err_msg=variable.path)
