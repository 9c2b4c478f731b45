import numpy as np
import pytest
import tensorflow as tf

from trainers import assembly
from trainers import experiment as experiment_lib
from xadv_tf.layers import BatchNormalization, PerturbationGenerator, PerturbationTable
from xadv_tf.optimizers import Adam, RowAdam, schedules


def _experiment(*arguments):
    return experiment_lib.from_flags(experiment_lib.parse(["--workdir=none", *arguments]))


@pytest.fixture(scope="module")
def digits():
    return assembly.build_data(_experiment("--num_labeled=100", "--num_validation=500"))


def test_data_is_split_and_scaled(digits):
    assert digits.pool.image.shape == (3500, 28, 28, 1)
    assert (float(np.min(digits.pool.image)), float(np.max(digits.pool.image))) == (-0.5, 0.5)
    assert len(digits.validation[1]) == 500 and len(digits.test[1]) == 1000
    np.testing.assert_array_equal(np.bincount(digits.pool.label), np.full(10, 10))


def test_mask_and_optimizers_follow_the_flags(digits):
    experiment = _experiment(
        "--method=xvat",
        "--mask=transductive",
        "--log_alpha_stddev=0",
        "--log_alpha_mean=0.5",
        "--mask_learning_rate=0.01",
        "--mask_decay",
        "--schedule=exponential",
        "--sparsity=2",
        "--gamma=-0.2",
    )
    classifier = assembly.build_classifier(experiment, digits.dataset)
    method = assembly.build_method(experiment, classifier, pool_size=50)
    assert isinstance(method.mask, PerturbationTable)
    np.testing.assert_array_equal(method.mask.log_alpha, np.full((50, 28, 28, 1), 0.5))
    assert isinstance(method.optimizer, Adam) and isinstance(method.mask_optimizer, RowAdam)
    schedule = method.mask_optimizer._learning_rate
    assert isinstance(schedule, schedules.ExponentialEpochDecay)
    assert schedule.learning_rate == 0.01
    assert method.loss_weights["l0"] == 2.0 and method.gate.gamma == -0.2


def test_generator_flags(digits):
    experiment = _experiment("--method=xat", "--generator_depth=2", "--generator_pooling=4")
    classifier = assembly.build_classifier(experiment, digits.dataset)
    mask = assembly.build_method(experiment, classifier, pool_size=50).mask
    assert isinstance(mask, PerturbationGenerator)
    assert (mask.depth, mask.pooling, mask.seed) == (2, 4, experiment.seed)


def test_batches_that_replicas_cannot_share():
    with pytest.raises(ValueError, match="Received: unlabeled_batch_size=251"):
        assembly.build_data(_experiment("--unlabeled_batch_size=251"), num_replicas=2)


def test_replicas_normalise_together(digits):
    strategy = assembly.build_strategy(_experiment("--strategy=mirrored"))
    assert strategy.num_replicas_in_sync == 2
    with strategy.scope():
        classifier = assembly.build_classifier(_experiment(), digits.dataset)
    normalizers = [layer for layer in classifier.layers if isinstance(layer, BatchNormalization)]
    assert normalizers and all(layer.synchronized for layer in normalizers)


def test_same_seed_same_weights(digits):
    one, other, another = (
        assembly.build_classifier(_experiment(f"--seed={seed}"), digits.dataset).get_weights()[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, other)
    assert np.any(one != another)


def test_one_device_is_the_default():
    assert assembly.build_strategy(_experiment()) is tf.distribute.get_strategy()
