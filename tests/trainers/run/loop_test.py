import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import IMAGE_SHAPE, LABELED, POOL, make_classifier, make_pool, two_replicas

from trainers.run.loop import Loop
from xadv_tf import data, methods
from xadv_tf.layers import PerturbationTable


def _sampler(unlabeled_batch_size=8):
    return data.Sampler(
        num_labeled=LABELED,
        num_pool=POOL,
        labeled_batch_size=6,
        unlabeled_batch_size=unlabeled_batch_size,
        seed=5,
    )


def _method():
    keras.utils.set_random_seed(2)
    mask = PerturbationTable(POOL, (*IMAGE_SHAPE[:2], 1), seed=0)
    method = methods.XVAT(make_classifier(dropout=0.2), mask=mask, seed=5)
    method.compile()
    return method


def _loop(method=None, strategy=None, **kwargs):
    strategy = strategy or tf.distribute.get_strategy()
    return Loop(method or _method(), make_pool(), _sampler(), strategy=strategy, **kwargs)


def _weights(method):
    return [v.numpy() for player in method.players() for v in player.variables]


def test_loop_is_the_step_on_the_samplers_batches():
    by_loop, by_hand = _method(), _method()
    _loop(by_loop, jit_compile=False).run(3)  # XLA's dropout would be another one.
    step = tf.function(by_hand.train_step, autograph=False)
    for i in range(3):
        step(make_pool().gather(_sampler().indices(i)))
    for one, other in zip(_weights(by_loop), _weights(by_hand), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_traced_step_is_not_taken():
    loop = _loop()
    before = _weights(loop.method)
    assert loop.trace().outputs
    assert loop.step == 0
    for one, other in zip(_weights(loop.method), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_how_steps_are_divided_into_calls_changes_nothing():
    one, other = _loop(), _loop()
    rows = [one.run(4)]
    other_rows = [other.run(1), other.run(3)]
    assert one.step == other.step == 4
    np.testing.assert_array_equal(np.concatenate(rows), np.concatenate(other_rows))
    assert one.means(rows) == other.means(other_rows)
    for a, b in zip(_weights(one.method), _weights(other.method), strict=True):
        np.testing.assert_array_equal(a, b)


def test_means_are_taken_in_double_precision():
    # 2^24 + 1 is no float32.
    loop = _loop()
    loop._names = ["l0"]
    rows = [np.float32([[2**24]]), np.float32([[1], [1]])]
    assert loop.means(rows) == {"l0": (2**24 + 2) / 3}


def test_with_xla_from_the_indices_on():
    # Dropout draws other masks under XLA (Keras leaves the generator to the device), so only what
    # does not depend on it is compared.
    plain, compiled = _loop(), _loop(jit_compile=True)
    row, compiled_row = plain.means([plain.run(1)]), compiled.means([compiled.run(1)])
    for name in ("l0", "kept_pixels"):
        assert compiled_row[name] == pytest.approx(row[name], rel=1e-5)
    assert all(np.isfinite(value) for value in compiled_row.values())


def test_two_replicas_share_the_batch_and_stay_equal():
    strategy = two_replicas()
    with strategy.scope():
        method = _method()
    loop = _loop(method, strategy)
    logs = loop.means([loop.run(2)])
    assert loop.step == 2 and np.isfinite(logs["objective"])
    for player in method.players():
        for variable in player.variables:
            np.testing.assert_array_equal(*[mirror.numpy() for mirror in variable.value.values])
    # Both halves of the batch were visited: 8 rows a step, distinct within a step.
    drawn = np.union1d(*[_sampler().indices(i).unlabeled.numpy() for i in range(2)])
    moved = np.any(
        method.mask.log_alpha.numpy() != _method().mask.log_alpha.numpy(), axis=(1, 2, 3)
    )
    np.testing.assert_array_equal(np.flatnonzero(moved), drawn)


def test_xla_with_several_cpu_replicas_is_refused():
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
    with strategy.scope():
        method = _method()
    with pytest.raises(ValueError, match="Received: 2 replicas"):
        _loop(method, strategy, jit_compile=True)


def test_augmentation_sees_every_image_with_fresh_noise():
    seen = []

    def augment(image, seed):
        noise_of_step = tf.cast(tf.bitcast(seed("shift"), tf.int32) % 97, tf.float32)
        seen.append(int(image.shape[0]))
        return image + 1e-3 * tf.reduce_sum(noise_of_step)

    plain, augmented = _loop(), _loop(augment=augment)
    row, other = plain.means([plain.run(1)]), augmented.means([augmented.run(1)])
    assert sorted(seen) == [6, 8]  # Traced once for the labeled, once for the unlabeled images.
    assert row["cross_entropy"] != other["cross_entropy"]


def test_supervised_batches_stay_one_object():
    method = methods.MLE(make_classifier())
    method.compile()
    loop = Loop(method, make_pool(), _sampler(0), strategy=tf.distribute.get_strategy())
    assert np.isfinite(loop.means([loop.run(1)])["cross_entropy"])


def test_predict_is_the_classifier_in_inference_mode():
    loop = _loop()
    images = make_pool().image.numpy()
    expected = loop.method.classifier(images, training=False)
    np.testing.assert_allclose(loop.predict(images), expected, atol=1e-6)


def test_learning_rates_by_player():
    assert set(_loop().learning_rates()) == {"learning_rate/classifier", "learning_rate/mask"}


class _SeesItsBatch(methods.PiModel):
    """Takes no step: logs a pixel's two channels of each kind of image."""

    def train_step(self, batch):
        images = {
            "labeled": batch["labeled"]["image"],
            "first": batch["unlabeled"]["image"],
            "second": batch["unlabeled"]["second_image"],
        }
        return {
            f"{name}/{kind}": image[0, 0, 0, channel]
            for name, image in images.items()
            for channel, kind in enumerate(("flip", "crop"))
        }


def test_two_views_of_an_image_are_mirrored_alike_and_shifted_each_by_its_own():
    # Laine & Aila 2017. The augmentation writes the low bits of its seeds over the images.
    def augment(image, seed):
        bits = [tf.bitcast(seed(kind), tf.int32)[0] % 2**16 for kind in ("flip", "crop")]
        return tf.zeros_like(image) + tf.cast(tf.stack(bits), image.dtype)

    method = _SeesItsBatch(make_classifier(), seed=5)
    method.compile()
    loop = _loop(method, augment=augment)
    seen = loop.means([loop.run(1)])
    assert seen["first/flip"] == seen["second/flip"] != seen["labeled/flip"]
    assert len({seen[f"{name}/crop"] for name in ("labeled", "first", "second")}) == 3
