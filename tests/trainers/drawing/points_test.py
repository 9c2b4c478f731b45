import figure_layout
import numpy as np
import pytest
from PIL import Image

from trainers.drawing import point_training, points
from xadv_tf.data import points as points_lib


def test_picture_and_animation_of_a_short_training(monkeypatch, tmp_path):
    monkeypatch.setattr(point_training, "LABELS", {"random_mask": "RandomMask"})
    drawing = points.draw("moons", 1, 2, 0.5)
    assert figure_layout.faults(drawing.picture) == []
    assert drawing.told[0].startswith("RandomMask, ε = 0.5: ")
    assert drawing.told[0].endswith("right after 2 steps, seed 1")
    drawing.save(str(tmp_path / "moons.gif"))
    with Image.open(tmp_path / "moons.gif") as image:
        assert image.n_frames == 3  # Steps 0, 1, 2.
    assert not (tmp_path / "moons.png").exists()


def test_frames_are_denser_in_the_beginning():
    steps = points.frame_steps(1000)
    assert (steps[0], steps[-1]) == (0, 1000) and len(steps) == 24
    assert np.all(np.diff(np.diff(steps)) >= -1)
    assert points.frame_steps(2) == [0, 1, 2]


@pytest.mark.parametrize("dimensions", [2, 100])
def test_the_grid_is_of_the_plane(dimensions):
    made = points_lib.make("moons", seed=0, dimensions=dimensions)

    def method(x, training):
        """Logits whose difference is 2 a + 4 b, with a, b the coordinates in the plane."""
        a, b = made.in_plane(x).T
        return np.stack([0 * a, 2 * a + 4 * b], axis=-1)

    probability = points.probability_on_grid(method, made, 1.5, grid=4)
    side = np.linspace(-1.5, 1.5, 4)
    expected = 1 / (1 + np.exp(-(2 * side[None, :] + 4 * side[:, None])))  # [b, a]
    np.testing.assert_allclose(probability, expected, rtol=1e-4)
