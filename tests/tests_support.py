"""Small classifiers and batches that the tests of all methods share."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from xadv_tf import noise
from xadv_tf.data import PoolData, StreamedImages, records

# How far a sum of products may be from the exact one, as a share of the sum of the products' sizes.
# TF32 rounds each factor to 11 significant bits, by at most 2^-11 of it; float32 accumulates some
# hundred products of 24 bits.
TOLERANCES = {"float32": 1e-5, "tf32": 2.0**-10}
NUM_CLASSES = 3
IMAGE_SHAPE = (6, 6, 2)
# Images of `make_pool`, and those of them that are labeled.
POOL, LABELED = 24, 12


@keras.saving.register_keras_serializable(package="tests")
class Jitter(keras.layers.Layer):
    """Gaussian noise in training, by `xadv_tf.noise`: with XLA the same up to rounding."""

    def __init__(self, stddev, **kwargs):
        super().__init__(**kwargs)
        self.stddev = stddev
        self.seed_generator = keras.random.SeedGenerator(0)

    def call(self, x, training=False):
        if not training:
            return x
        seed = tf.cast(tf.convert_to_tensor(self.seed_generator.state), tf.uint32)
        return x + tf.cast(self.stddev * noise.normal(tf.shape(x), seed), x.dtype)

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev}


def make_classifier(*, batch_norm=None, dropout=0.0, jitter=0.0):
    """A smooth two-layer classifier: tanh, so that a step has a gradient everywhere.

    No bias before a batch normalisation: it cancels, and its gradient is rounding noise, which
    Adam would blow up to full steps.
    """
    layers = [keras.layers.Input(IMAGE_SHAPE), keras.layers.Flatten()]
    layers.append(keras.layers.Dense(16, use_bias=batch_norm is None))
    if batch_norm is not None:
        layers.append(batch_norm)
    layers.append(keras.layers.Activation("tanh"))
    if jitter:
        layers.append(Jitter(jitter))
    if dropout:
        layers.append(keras.layers.Dropout(dropout))
    layers.append(keras.layers.Dense(NUM_CLASSES))
    return keras.Sequential(layers)


def make_pool():
    """Random images of which every second one has its label in the pool."""
    rng = np.random.default_rng(0)
    return PoolData(
        image=tf.constant(rng.normal(size=(POOL, *IMAGE_SHAPE)), tf.float32),
        label=tf.constant(rng.integers(0, NUM_CLASSES, LABELED), tf.int32),
        labeled_in_pool=tf.range(LABELED, dtype=tf.int32) * 2,
        pool_label=tf.constant(rng.integers(-1, NUM_CLASSES, POOL), tf.int32),
    )


def make_linear_classifier():
    """Logits W x, without a bias: the gradient of anything in W can be worked out by hand."""
    layers = [keras.layers.Input(IMAGE_SHAPE), keras.layers.Flatten()]
    return keras.Sequential([*layers, keras.layers.Dense(NUM_CLASSES, use_bias=False)])


def two_replicas():
    """A strategy over two devices, logical CPUs where there is no GPU, which share a batch."""
    gpus = len(tf.config.list_logical_devices("GPU"))
    if gpus == 1:
        # Beside it, what stands on CPUs and what is placed on the GPU would meet in one variable.
        pytest.skip("two replicas need two GPUs; XADV_TF_TEST_GPU=split makes two of one")
    kind = "GPU" if gpus else "CPU"
    # The default collectives number their instances per strategy: those of two tests would clash.
    return tf.distribute.MirroredStrategy(
        [f"{kind}:0", f"{kind}:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def make_batch(num_labeled=6, num_unlabeled=8, *, supervised=False, seed=0):
    """A batch of random images; indices are places in a pool of 12."""
    rng = np.random.default_rng(seed)

    def images(count):
        return tf.constant(rng.normal(size=(count, *IMAGE_SHAPE)), tf.float32)

    labeled = {
        "image": images(num_labeled),
        "label": tf.constant(rng.integers(0, NUM_CLASSES, num_labeled), tf.int32),
        "index": tf.range(num_labeled),
    }
    if supervised:
        return {"labeled": labeled, "unlabeled": labeled}
    unlabeled = {"image": images(num_unlabeled), "index": tf.range(2, 2 + num_unlabeled)}
    return {"labeled": labeled, "unlabeled": unlabeled}


def make_partly_labeled_batch(labels):
    """6 images, labeled and unlabeled at once, by as many labels; -1 is none."""
    examples = {**make_batch()["labeled"], "label": tf.constant(labels, tf.int32)}
    return {"labeled": examples, "unlabeled": examples}


def gradient_of_term(method, batch, term):
    """The gradient of a term's sum over the batch in the classifier's weights."""
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(method.compute_losses(batch)[term])
    return tape.gradient(total, [v.value for v in method.classifier.trainable_variables])


def store(folder, images, labels):
    """Writes images, uint8, to two files of records; returns them as StreamedImages."""
    paths, half = [str(folder / name) for name in ("first", "second")], len(images) // 3
    for path, part in zip(paths, (slice(half), slice(half, None)), strict=True):
        with tf.io.TFRecordWriter(path) as writer:
            for image, label in zip(images[part], labels[part], strict=True):
                writer.write(bytes([label]) + image.tobytes())

    def label(record):
        return tf.io.decode_raw(record, tf.uint8)[0]

    def decode(record):
        return tf.reshape(tf.io.decode_raw(record, tf.uint8)[1:], images.shape[1:])

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        found, read_labels = records.index(paths, label)
    np.testing.assert_array_equal(read_labels, labels)
    return StreamedImages(found, decode, images.shape[1:])
