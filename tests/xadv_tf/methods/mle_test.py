import keras
import numpy as np
from tests_support import NUM_CLASSES, make_batch, make_linear_classifier

from xadv_tf.methods import MLE


def test_a_step_by_hand():
    # The mean of CE over the 6 labeled images has the gradient x^T (p - y) / 6 in W; the unlabeled
    # ones have no part in it.
    method = MLE(make_linear_classifier())
    method.compile(optimizer=keras.optimizers.SGD(0.5))
    (kernel,) = method.classifier.trainable_variables
    before, batch = kernel.numpy().astype("float64"), make_batch()
    x = np.reshape(batch["labeled"]["image"], (6, -1))
    logits = x @ before
    p = np.exp(logits) / np.sum(np.exp(logits), axis=1, keepdims=True)
    y = np.eye(NUM_CLASSES)[batch["labeled"]["label"]]
    logs = method.train_step(batch)
    np.testing.assert_allclose(logs["cross_entropy"], -np.mean(np.log(np.sum(p * y, 1))), rtol=1e-5)
    np.testing.assert_allclose(logs["objective"], logs["cross_entropy"])
    np.testing.assert_allclose(kernel, before - 0.5 * x.T @ (p - y) / 6, atol=1e-5)
