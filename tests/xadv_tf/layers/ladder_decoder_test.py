import numpy as np
import tensorflow as tf
from tests_support import two_replicas

from xadv_tf.layers import GaussianDenoiser, LadderDecoder


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _normalized(x):
    return (x - x.mean(0)) / x.std(0)


def test_denoiser_starts_at_zero_with_unit_slopes():
    denoiser = GaussianDenoiser()
    z, u = tf.constant([[3.0, -2.0]]), tf.constant([[0.5, 4.0]])
    np.testing.assert_array_equal(denoiser(z, u), 0.0)
    np.testing.assert_array_equal(denoiser.a[:, 0], [0, 1, 0, 0, 0, 0, 1, 0, 0, 0])
    np.testing.assert_array_equal(denoiser.a[:, 1], denoiser.a[:, 0])


def test_denoiser_equals_its_definition_unit_by_unit():
    rng = np.random.default_rng(0)
    a, z, u = rng.normal(size=(10, 3)), rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    denoiser = GaussianDenoiser()
    denoiser.build((None, 3))
    denoiser.a.assign(a)
    mu = a[0] * _sigmoid(a[1] * u + a[2]) + a[3] * u + a[4]
    v = a[5] * _sigmoid(a[6] * u + a[7]) + a[8] * u + a[9]
    received = denoiser(tf.constant(z, tf.float32), tf.constant(u, tf.float32))
    np.testing.assert_allclose(received, (z - mu) * v + mu, atol=1e-5)


def test_decoder_goes_from_the_top_down():
    # With a4 = 1 and all other a = 0 the estimate is u itself: mu = u, v = 0.
    rng = np.random.default_rng(1)
    noisy = [tf.constant(rng.normal(size=(6, width)), tf.float32) for width in (4, 3, 2)]
    logits = tf.constant(rng.normal(size=(6, 2)), tf.float32)
    decoder = LadderDecoder((4, 3, 2), seed=1)
    decoder(noisy, logits)
    for denoiser in decoder.denoisers:
        denoiser.a.assign(np.eye(10)[3][:, None] * np.ones(denoiser.a.shape))
    top = _normalized(tf.nn.softmax(logits).numpy())
    middle = _normalized(top @ decoder.v[1].kernel.numpy())
    lowest = _normalized(middle @ decoder.v[0].kernel.numpy())
    for received, expected in zip(decoder(noisy, logits), (lowest, middle, top), strict=True):
        np.testing.assert_allclose(received, expected, atol=1e-4)
    assert [v.kernel.shape for v in decoder.v] == [(3, 4), (2, 3)]


def test_the_gamma_model_has_no_weights_below_the_top():
    decoder = LadderDecoder((10,), seed=1)
    decoder.build()
    assert [v.shape for v in decoder.trainable_variables] == [(10, 10)]


def test_initial_v_and_seed():
    first, again, other = (LadderDecoder((1000, 500), seed=seed) for seed in (1, 1, 2))
    for decoder in (first, again, other):
        decoder.build()
    kernel = first.v[0].kernel.numpy()
    # N(0, 1/500): half a million draws, relative error of the deviation 1e-3.
    np.testing.assert_allclose(kernel.std(), 500**-0.5, rtol=0.01)
    np.testing.assert_array_equal(kernel, again.v[0].kernel)
    assert np.all(kernel != other.v[0].kernel.numpy())


def test_config_round_trip():
    decoder = LadderDecoder((4, 3), synchronized=True, seed=5)
    again = LadderDecoder.from_config(decoder.get_config())
    assert again.get_config() == decoder.get_config()


def test_each_level_has_a_v_of_its_own():
    decoder = LadderDecoder((4, 4, 4), seed=1)
    decoder.build()
    assert np.all(decoder.v[0].kernel.numpy() != decoder.v[1].kernel.numpy())


def test_replicas_normalise_together_if_they_synchronise():
    # With a4 = 1 and all other a = 0 the top's estimate is its u: the normalised prediction.
    logits = tf.constant(np.random.default_rng(1).normal(size=(6, 2)), tf.float32)
    strategy = two_replicas()
    halves = strategy.experimental_distribute_values_from_function(
        lambda context: tf.split(logits, 2)[context.replica_id_in_sync_group]
    )
    u = {}
    for synchronized in (True, False):
        with strategy.scope():
            decoder = LadderDecoder((2,), synchronized=synchronized)
            decoder.build()
            decoder.denoisers[0].a.assign(np.eye(10)[3][:, None] * np.ones((10, 2)))

        def denoise(logits, decoder=decoder):
            return decoder([tf.zeros_like(logits)], logits)[0]

        run = tf.function(lambda x, denoise=denoise: strategy.run(denoise, (x,)), autograph=False)
        u[synchronized] = np.concatenate(strategy.experimental_local_results(run(halves)))
    p = tf.nn.softmax(logits).numpy()
    np.testing.assert_allclose(u[True], _normalized(p), atol=1e-4)
    apart = np.concatenate([_normalized(half) for half in np.split(p, 2)])
    np.testing.assert_allclose(u[False], apart, atol=1e-4)
