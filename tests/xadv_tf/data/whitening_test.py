import numpy as np
import pytest
import tensorflow as tf

from xadv_tf.data import whitening
from xadv_tf.data.errors import DataError
from xadv_tf.data.preprocessing import raw

# Two pixels around 100: variance 2 (6 sqrt 2)^2 / 4 = 36 along (1, 1) / sqrt 2 and
# 2 (2 sqrt 2)^2 / 4 = 4 along (1, -1) / sqrt 2.
IMAGES = np.array([[106, 106], [94, 94], [102, 98], [98, 102]], np.uint8).reshape(4, 1, 2, 1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "xadv_tf"


def test_the_matrix_by_hand():
    # W = (a (1 1; 1 1) + b (1 -1; -1 1)) / 2 with a = 1 / sqrt(36 + 13) + 1 = 8 / 7 and
    # b = 1 / sqrt(4 + 13) + 1.
    white = whitening.fit(IMAGES, raw, ridge=13.0, offset=1.0)
    a, b = 8 / 7, 17**-0.5 + 1
    matrix = np.array([[a + b, a - b], [a - b, a + b]]) / 2
    np.testing.assert_allclose(white.matrix, matrix, rtol=1e-6)
    np.testing.assert_array_equal(white.mean, [100, 100])
    # An image that it was not fitted to: (107, 103) is 5 (1, 1) + 2 (1, -1) from the mean.
    image = np.array([107, 103], np.uint8).reshape(1, 1, 2, 1)
    expected = np.array([5 * a + 2 * b, 5 * a - 2 * b]).reshape(1, 1, 2, 1)
    result = white(image)
    assert result.dtype == tf.float32
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def _alike(count=3000, size=6):
    """Images that vary in brightness by 74 and in each pixel by 0.5: eigenvalues 2e5 and 0.25."""
    rng = np.random.default_rng(0)
    brightness = rng.integers(0, 255, (count, 1, 1, 1))
    return (brightness + rng.integers(0, 2, (count, size, size, 1))).astype(np.uint8)


def _covariance(white):
    flat = np.reshape(white, (len(white), -1)).astype(np.float64)
    return np.cov(flat, rowvar=False, bias=True)


def test_whitened_images_have_covariance_one_where_float32_fails():
    # Several chunks, so that their sums are tested as well.
    images = _alike()
    assert len(images) > whitening._CHUNK
    white = whitening.fit(images, raw)
    np.testing.assert_allclose(_covariance(white(images)), np.eye(36), atol=1e-4)
    matrix = white.matrix.numpy()
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-7)
    # The same in float32: the covariance alone spoils the small eigenvalues.
    flat = images.reshape(len(images), -1).astype(np.float32)
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat) - np.outer(*[flat.mean(0)] * 2))
    spoilt = (flat - flat.mean(0)) @ (vectors / np.sqrt(np.abs(values))) @ vectors.T
    assert np.abs(_covariance(spoilt) - np.eye(36)).max() > 1e-2


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_graph_and_a_saved_model_whiten_to_the_same_values(tmp_path, jit_compile):
    images = _alike()
    white = whitening.fit(images, raw)
    expected = white(images[:5])
    # Sums of 36 products in float64, rounded to float32 at the end: its last place may differ.
    compiled = tf.function(white.__call__, jit_compile=jit_compile)
    np.testing.assert_allclose(compiled(images[:5]), expected, rtol=2e-7)
    spec = tf.TensorSpec([None, 6, 6, 1], tf.uint8)
    tf.saved_model.save(
        white, str(tmp_path), tf.function(white.__call__).get_concrete_function(spec)
    )
    loaded = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    (served,) = loaded(tf.constant(images[:5])).values()
    np.testing.assert_allclose(served, expected, rtol=2e-7)


def test_pixels_that_depend_on_others_need_a_ridge():
    constant = _alike()
    constant[:, 0, 0] = 0
    with pytest.raises(DataError, match=r"without a ridge .*Received: eigenvalues .* from -?\d"):
        whitening.fit(constant, raw)
    assert np.isfinite(whitening.fit(constant, raw, ridge=1e-5)(constant)).all()


def test_large_images_are_refused_before_any_work():
    with pytest.raises(DataError, match=r"up to 12288 values; .* shape \(64, 65, 3\)"):
        whitening.fit(np.zeros((1, 64, 65, 3), np.uint8), raw)


def test_the_same_images_are_fitted_once(monkeypatch):
    first = whitening.fit(IMAGES, raw, ridge=1.0)
    fitted = []
    monkeypatch.setattr(
        whitening, "_fit", lambda *_: fitted.append(1) or {"mean": [0, 0], "matrix": np.eye(2)}
    )
    again = whitening.fit(IMAGES.copy(), raw, ridge=1.0)
    np.testing.assert_array_equal(again.matrix, first.matrix)
    np.testing.assert_array_equal(again.mean, first.mean)
    assert not fitted
    whitening.fit(IMAGES, raw, ridge=2.0)
    whitening.fit(IMAGES, tf.identity, ridge=1.0)
    whitening.fit(IMAGES + 1, raw, ridge=1.0)
    whitening.fit(IMAGES, raw, ridge=1.0, offset=1.0)
    assert len(fitted) == 4
