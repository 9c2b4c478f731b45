import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, NUM_CLASSES, make_classifier, two_replicas

from trainers.run import strategies
from trainers.run.loop import Loop
from trainers.run.peers import Peers
from trainers.settings import experiment as experiment_lib
from xadv_tf import data, methods
from xadv_tf.layers import BatchNormalization, PerturbationGenerator

_STEPS = 3


def _build(*arguments):
    values = experiment_lib.parse(["--workdir=none", *arguments])
    return strategies.build(experiment_lib.from_flags(values), Peers())


def test_one_device_is_the_default():
    assert _build() is tf.distribute.get_strategy()


@pytest.fixture
def without_gpu():
    if tf.config.list_logical_devices("GPU"):
        pytest.skip("of machines without a GPU")


def test_mirrored_is_over_all_cpus_where_there_is_no_gpu(without_gpu):
    strategy = _build("--strategy=mirrored")
    assert strategy.num_replicas_in_sync == 2
    assert not strategies.on_gpus(strategy)


def test_xla_and_replicas_on_cpus_exclude_each_other(without_gpu):
    with pytest.raises(ValueError, match="Received: --jit=on --strategy=mirrored, 2 CPU replicas"):
        _build("--strategy=mirrored", "--jit=on")


def test_several_workers_are_for_programs_that_know_them():
    with pytest.raises(ValueError, match=r"trainers\.train alone"):
        _build("--strategy=multi_worker")


def _train(strategy, **kwargs):
    """Logs [steps, logs] and weights of some steps of xVAT-I, all noise at its middle."""
    rng = np.random.default_rng(0)
    pool = data.PoolData(
        image=tf.constant(rng.normal(size=(24, *IMAGE_SHAPE)), tf.float32),
        label=tf.constant(rng.integers(0, NUM_CLASSES, 12), tf.int32),
        labeled_in_pool=tf.range(12),
    )
    sampler = data.Sampler(
        num_labeled=12, num_pool=24, labeled_batch_size=6, unlabeled_batch_size=8, seed=5
    )
    with strategy.scope():
        keras.utils.set_random_seed(2)
        classifier = make_classifier(batch_norm=BatchNormalization(synchronized=True))
        method = methods.XVAT(classifier, mask=PerturbationGenerator(seed=0), seed=5)
        # Not Adam, which makes full steps of rounding.
        sgd = keras.optimizers.SGD
        method.compile(optimizer=sgd(0.1), mask_optimizer=sgd(0.1))
        method.build((None, *IMAGE_SHAPE))
    rows = Loop(method, pool, sampler, strategy=strategy, **kwargs).run(_STEPS)
    variables = [variable for player in method.players() for variable in player.variables]
    values = [strategy.experimental_local_results(variable.value) for variable in variables]
    return rows, [[np.array(value) for value in each] for each in values]


def _compare(one, several, tolerance):
    (rows, weights), (other_rows, other_weights) = one, several
    np.testing.assert_allclose(other_rows, rows, rtol=tolerance, atol=tolerance)
    for first, others in zip(weights, other_weights, strict=True):
        for other in others:
            np.testing.assert_allclose(other, first[0], atol=tolerance)


def _two_gpus():
    gpus = [device.name for device in tf.config.list_logical_devices("GPU")]
    if len(gpus) < 2:
        pytest.skip("needs two GPUs; XADV_TF_TEST_GPU=split makes them of one")
    # NCCL takes no two GPUs of one card.
    return tf.distribute.MirroredStrategy(
        gpus[:2], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


@pytest.fixture
def middle_noise(monkeypatch):
    """Noise is a function of the replica: at its middle several draw what one draws."""
    monkeypatch.setattr("xadv_tf.noise.uniform", lambda shape, seed: 0.5 * tf.ones(shape))


@pytest.fixture
def clusters_end():
    """That TensorFlow compiles clusters is a setting of the process."""
    yield
    tf.config.optimizer.set_jit(False)


@pytest.mark.parametrize("jit", [None, False])
def test_two_gpus_take_the_step_of_one(jit, middle_noise, clusters_end):
    strategy = _two_gpus()
    one = _train(tf.distribute.get_strategy(), jit_compile=False)
    several = _train(strategy, jit_compile=jit)
    # TF32 keeps 10 bits of a product's factors, of which each sum has some hundred.
    tolerance = 1e-2 if tf.config.experimental.tensor_float_32_execution_enabled() else 1e-5
    _compare(one, several, tolerance)


def in_clusters():
    """What the next test has another process do, in which XLA takes clusters on CPUs too."""
    two = two_replicas()
    apart = _train(two, jit_compile=False)
    tf.config.optimizer.set_jit("autoclustering")
    _compare(apart, _train(two, jit_compile=False), 1e-5)


_IN_CLUSTERS = """
import conftest
import tensorflow as tf
from xadv_tf import noise
noise.uniform = lambda shape, seed: 0.5 * tf.ones(shape)
import strategies_test
strategies_test.in_clusters()
"""


@pytest.mark.slow
def test_clusters_between_sums_change_no_number(tmp_path):
    folder = pathlib.Path(__file__).parent
    paths = [str(folder), str(folder.parents[1]), str(folder.parents[2])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "TF_XLA_FLAGS": "--tf_xla_cpu_global_jit",
        "XLA_FLAGS": f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text",
    }
    ended = subprocess.run(  # noqa: S603 (this interpreter and this file)
        [sys.executable, "-c", _IN_CLUSTERS],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    assert [path for path in tmp_path.iterdir() if "cluster" in path.name]
