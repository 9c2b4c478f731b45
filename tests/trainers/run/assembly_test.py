import keras
import numpy as np
import pytest
import tensorflow as tf

from trainers.run import assembly, split_data, strategies
from trainers.run.peers import Peers
from trainers.settings import experiment as experiment_lib
from xadv_tf import data as data_lib
from xadv_tf.layers import BatchNormalization, PerturbationGenerator, PerturbationTable
from xadv_tf.methods import Combined
from xadv_tf.optimizers import Adam, RowAdam, schedules


def _experiment(*arguments):
    return experiment_lib.from_flags(experiment_lib.parse(["--workdir=none", *arguments]))


@pytest.fixture(scope="module")
def digits():
    return split_data.build(_experiment("--num_labeled=100", "--num_validation=500"))


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
        split_data.build(_experiment("--unlabeled_batch_size=251"), num_replicas=2)


def test_replicas_normalise_together(digits):
    with strategies.build(_experiment("--strategy=mirrored"), Peers()).scope():
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


def test_model_flags_reach_the_builder(digits):
    flags = ["--model=conv_large", "--dropout=0.25", "--conv_bias", "--batch_norm_momentum=0.5"]
    flags += ["--batch_norm_epsilon=1e-3", "--batch_norm_affine", "--top_batch_norm"]
    layers = assembly.build_classifier(_experiment(*flags), digits.dataset).layers
    normalizers = [layer for layer in layers if isinstance(layer, BatchNormalization)]
    assert len(normalizers) == 10  # Nine convolutions and the logits.
    assert all((n.momentum, n.epsilon, n.affine) == (0.5, 1e-3, True) for n in normalizers)
    assert all(x.use_bias for x in layers if isinstance(x, keras.layers.Conv2D))
    assert [x.rate for x in layers if isinstance(x, keras.layers.Dropout)] == [0.25, 0.25]


@pytest.mark.parametrize(("flag", "expected"), [("--tf32=off", False), ("--tf32=on", True)])
def test_tf32_is_switched_by_its_flag(flag, expected):
    switched = tf.config.experimental.tensor_float_32_execution_enabled
    before = switched()
    try:
        # From the other state, so that a flag that is not passed on shows.
        tf.config.experimental.enable_tensor_float_32_execution(not expected)
        assembly.set_precision(_experiment(flag))
        assert switched() is expected
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def _at_step(optimizer, step):
    optimizer.iterations.assign(step)
    return float(optimizer.learning_rate)


_HALVED = ("--schedule=exponential", "--decay_rate=0.5", "--steps_per_epoch=10")


@pytest.mark.parametrize("mask", ["inductive", "transductive"])
@pytest.mark.parametrize(
    ("flag", "late"), [("--mask_decay", 0.01), ("--nomask_decay", 0.02)], ids=str
)
def test_the_masks_rate_follows_the_schedule_where_it_is_asked_to(digits, mask, flag, late):
    flags = ["--method=xvat", f"--mask={mask}", "--mask_learning_rate=0.02", flag, *_HALVED]
    experiment = _experiment(*flags, "--learning_rate=0.1", "--model=mlp_supervised")
    classifier = assembly.build_classifier(experiment, digits.dataset)
    method = assembly.build_method(experiment, classifier, pool_size=5)
    rates = [_at_step(method.mask_optimizer, step) for step in (9, 10)]
    np.testing.assert_allclose(rates, [0.02, late], rtol=1e-6)
    np.testing.assert_allclose(_at_step(method.optimizer, 10), 0.05, rtol=1e-6)


def test_betas_are_the_classifiers_alone(digits):
    flags = ["--beta_1=0.5", "--epsilon_in_root", "--train_steps=20", "--steps_per_epoch=1"]
    flags += ["--schedule=ramps", "--ramp_up_epochs=9", "--early_beta_2=0.25"]
    experiment = _experiment("--method=xvat", *flags)
    classifier = assembly.build_classifier(experiment, digits.dataset)
    method = assembly.build_method(experiment, classifier, pool_size=5)

    by_flags, by_default = (x.get_config() for x in (method.optimizer, method.mask_optimizer))
    assert (by_flags["beta_1"], by_flags["epsilon_in_root"]) == (0.5, True)
    assert by_flags["beta_2"]["config"]["before"] == 0.25
    assert (by_default["beta_1"], by_default["beta_2"]) == pytest.approx((0.9, 0.999))
    assert "epsilon_in_root" not in by_default


def test_augmentation_crops_and_flips_each_by_its_own_draw():
    image = tf.random.stateless_uniform((64, 6, 6, 1), [1, 1])
    pairs = {
        kind: tf.constant([number, 7], tf.uint32) for number, kind in enumerate(("crop", "flip"))
    }
    cropped = data_lib.random_crop(image, pairs["crop"], offsets=(-2, 1))
    for flags, expected in (
        (["--crop", "--crop_offset_max=1"], cropped),
        (["--flip"], data_lib.random_flip(image, pairs["flip"])),
        (["--crop", "--flip", "--crop_offset_max=1"], data_lib.random_flip(cropped, pairs["flip"])),
    ):
        augment = assembly._augmentation(_experiment("--method=mle", *flags))
        np.testing.assert_array_equal(augment(image, pairs.get), expected)
    assert assembly._augmentation(_experiment()) is None


def test_consistency_methods_follow_the_flags(digits):
    common = ["--consistency_weight=8", "--consistency_ramp_epochs=4", "--steps_per_epoch=10"]
    names = ("pi_model", "temporal_ensembling", "mean_teacher")
    built = {}
    for name in names:
        own = ["--early_teacher_decay=0.5", "--ramp_by_step"] if name == "mean_teacher" else []
        experiment = _experiment(f"--method={name}", *common, *own, "--unlabeled_batch_size=30")
        classifier = assembly.build_classifier(experiment, digits.dataset)
        built[name] = assembly.build_method(experiment, classifier, pool_size=100)
    steps = tf.constant([5, 10, 20, 40])
    by_epoch = 8 * np.exp(-5 * (1 - np.array([1, 2, 4]) / 4) ** 2)
    for name in ("pi_model", "temporal_ensembling"):
        weight = built[name].loss_weights["consistency"]
        np.testing.assert_allclose(weight(steps), [0, *by_epoch], rtol=1e-5)
    weight = built["mean_teacher"].loss_weights["consistency"]
    np.testing.assert_allclose(weight(steps[0]), 8 * np.exp(-5 * (1 - 0.125) ** 2), rtol=1e-5)
    decay = built["mean_teacher"].teacher_decay
    np.testing.assert_allclose([decay(39), decay(40)], [0.5, 0.999])
    # Three batches of 30 go once through 100 images.
    assert built["temporal_ensembling"].steps_per_epoch == 3
    assert built["temporal_ensembling"].ensemble.num_examples == 100


def test_average_by_flags(digits):
    experiment = _experiment("--method=mle", "--ema_decay=0.9", "--evaluate_ema")
    classifier = assembly.build_classifier(experiment, digits.dataset)
    method = assembly.build_method(experiment, classifier, pool_size=50)
    assert method.evaluated is method.averaged is not None


def test_the_ladder_takes_its_flags_and_its_models_alone(digits):
    arguments = ["--method=ladder", "--noise_stddev=0.2", "--denoising_weights=0,0,0,0,0,0,5"]
    experiment = _experiment(*arguments, "--model=ladder_mlp", "--learning_rate=0.01")
    classifier = assembly.build_classifier(experiment, digits.dataset)
    method = assembly.build_method(experiment, classifier, pool_size=50)
    assert method.noise_stddev == 0.2
    assert method.loss_weights == {"cross_entropy": 1.0, "denoising_6": 5.0}
    assert float(method.decoder_optimizer.learning_rate) == pytest.approx(0.01)
    experiment = _experiment(*arguments)
    classifier = assembly.build_classifier(experiment, digits.dataset)
    with pytest.raises(ValueError, match=r"ladder_mlp, ladder_conv .* Received: model=mlp$"):
        assembly.build_method(experiment, classifier, pool_size=50)


def test_several_methods_each_with_its_flags(digits):
    experiment = _experiment(
        "--method=xvat+temporal_ensembling+entropy",
        "--adversarial_weight=2",
        "--sparsity=3",
        "--gamma=-0.2",
        "--mask_learning_rate=0.01",
        "--entropy_weight=0.5",
        "--consistency_weight=8",
        "--ema_decay=0.9",
        "--seed=4",
        "--unlabeled_batch_size=25",
    )
    classifier = assembly.build_classifier(experiment, digits.dataset)
    method = assembly.build_method(experiment, classifier, pool_size=50)
    assert isinstance(method, Combined) and method.averaged is not None
    assert method.loss_weights == {
        "cross_entropy": 1.0,
        "divergence": 2.0,
        "l0": 3.0,
        "consistency": 8.0,
        "entropy": 0.5,
    }
    assert all(part.seed == 4 and part.classifier is classifier for part in method.parts)
    masked, ensembling, _ = method.parts
    assert masked.gate.gamma == -0.2 and ensembling.steps_per_epoch == 2
    assert float(masked.mask_optimizer.learning_rate) == pytest.approx(0.01)
    assert experiment.label == "xVAT-I+Temporal Ensembling+Entropy"
