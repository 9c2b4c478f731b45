import numpy as np
import pytest

from trainers.drawing import point_training
from xadv_tf.data import points as points_lib


@pytest.fixture(scope="module")
def points():
    return points_lib.make("circles", seed=0)


def test_a_training_is_looked_at_and_trains_the_masks(points):
    seen = {}

    def look(step, method):
        seen[step] = int(method.step.numpy()), method.mask.log_alpha.numpy().copy()

    method = point_training.train(
        points, "xvat", seed=0, train_steps=3, output_scale=2, at_steps=[0, 2, 3], look=look
    )
    assert [step for step, _ in seen.values()] == list(seen) == [0, 2, 3]
    assert seen[0][1].shape == (1000, 100)
    # The first steps of Adam are of the learning rate's size.
    moved = np.abs(seen[3][1] - seen[0][1])
    assert 0 < np.median(moved) <= 3.01 * point_training.MASK_LEARNING_RATE

    index = np.array([3, 700])
    x_adv = point_training.perturbed(method, points, index, seed=1)
    z = x_adv / (2 * points.unlabeled[index])
    assert z.min() >= 0 and z.max() <= 1 + 1e-5 and 0.3 < z.mean() < 0.7
    # The masks are those of the points' own rows.
    draw = np.random.default_rng(1).uniform(size=(2, 100)).astype(np.float32)
    own = method.gate(method.log_alpha(None, index), draw)
    np.testing.assert_allclose(z, own, atol=1e-4)
    assert 0 <= point_training.accuracy(method, points) <= 1


def test_vat_moves_points_by_epsilon_and_mle_does_not(points):
    index = np.arange(5)
    vat = point_training.train(points, "vat", seed=0, train_steps=1)
    moved = point_training.perturbed(vat, points, index, seed=0) - points.unlabeled[index]
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), point_training.VAT_EPSILON, rtol=1e-4)
    mle = point_training.train(points, "mle", seed=0, train_steps=1)
    assert point_training.perturbed(mle, points, index, seed=0) is None
