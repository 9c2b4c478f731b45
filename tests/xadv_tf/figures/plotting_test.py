import keras
import numpy as np
import pytest
import tensorflow as tf
from tests_support import NUM_CLASSES

from xadv_tf import figures, methods
from xadv_tf.layers import PerturbationTable

IMAGES = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype(np.float32)


def _classifier():
    layers = [keras.layers.Flatten(), keras.layers.Dense(NUM_CLASSES)]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers])


def _texts(figure):
    return " ".join(
        text.get_text() for text in [*figure.texts, *(t for ax in figure.axes for t in ax.texts)]
    )


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (methods.MLE, "perturbs nothing"),
        (methods.VAT, "VAT adds a perturbation"),
        (methods.AT, "AT adds a perturbation"),
        (methods.XVAT, "becomes 0."),
        (lambda c: methods.XVAT(c, fill=-0.5), "becomes -0.5."),
        (lambda c: methods.XAT(c, fill="blurred"), "that of the blurred image."),
        (lambda c: methods.RandomMask(c, fill=IMAGES[0]), "that of a fixed image."),
        (
            lambda c: methods.Combined([methods.XVAT(c), methods.EntropyMinimization()]),
            "What XVAT+EntropyMinimization does to images",
        ),
        (
            lambda c: methods.Combined([methods.RandomMask(c), methods.EntropyMinimization()]),
            "random;",
        ),
    ],
)
def test_one_call_draws_what_a_method_does(make, shown):
    method = make(_classifier())
    method.compile()
    figure = figures.plot(method, IMAGES)
    texts = " ".join(_texts(figure).split())
    assert shown in texts
    # Without labels the classes above the images are the predicted ones, and are called so.
    assert "predicted class" in texts and "true class" not in texts
    predicted = np.argmax(method(IMAGES), axis=-1)
    written = [t.get_text() for t in figure.axes[0].texts]
    assert [text for text in written if text.isdigit()] == [str(c) for c in predicted]


def test_labels_and_arguments_of_perturb():
    method = methods.XVAT(_classifier(), mask=PerturbationTable(9, (8, 8, 1)))
    method.compile()
    figure = figures.plot(method, tf.constant(IMAGES), [7, 5, 3, 1], index=[8, 0, 1, 2])
    assert [t.get_text() for t in figure.axes[0].texts[2:6]] == ["7", "5", "3", "1"]
    assert "true class" in _texts(figure)


def test_tensors_of_perturb_are_drawn_as_they_come():
    method = methods.XVAT(_classifier())
    method.compile()
    seen = method.perturb(IMAGES)
    probabilities = tf.nn.softmax(method(IMAGES))
    result = figures.Multiplicative("XVAT", probabilities, probabilities, **{
        name: seen[name] for name in ("x_adv", "log_alpha", "mask")
    })  # fmt: skip
    assert figures.draw_perturbations(tf.constant(IMAGES), [0, 1, 2, 3], result).axes


@pytest.mark.parametrize("shape", [(4, 7), (4, 8, 8), (4, 8, 8, 2), (0, 8, 8, 1), (2, 4, 8, 8, 1)])
def test_what_is_no_image_is_refused(shape):
    method = methods.MLE(_classifier())
    with pytest.raises(ValueError, match="images must be one or more.*Received: images of shape"):
        figures.plot(method, np.zeros(shape))


def test_images_that_are_not_finite_are_refused():
    images = IMAGES.copy()
    images[1, :2, 3] = np.nan
    images[0, 0, 0] = np.inf
    with pytest.raises(ValueError, match="finite. Received: images with 3 values"):
        figures.plot(methods.MLE(_classifier()), images)
