import figure_layout
import numpy as np

from trainers.drawing import geometry, point_training


def test_real_perturbations_lie_where_the_paper_says(monkeypatch):
    # Where they lie does not depend on the training, which takes longer to compile than to do.
    monkeypatch.setattr(
        point_training,
        "train",
        lambda points, name, seed, **_: point_training.build(points, name, seed),
    )
    picture = geometry.draw(1, 2).picture
    sphere, box, lengths = picture.axes
    star = np.array(sphere.lines[-1].get_data()).ravel()
    for patch, points in zip(sphere.patches, sphere.collections, strict=True):
        distance = np.linalg.norm(points.get_offsets() - star, axis=-1)
        np.testing.assert_allclose(distance, patch.radius, rtol=1e-3)
    for epsilon, points in zip(geometry._MULTIPLICATIVE, box.collections, strict=True):
        share = np.asarray(points.get_offsets()) / (epsilon * star)
        assert share.min() >= 0 and share.max() <= 1 + 1e-6
        # P(z = 0) = P(z = 1) = 0.17 at log_alpha 0: of 120 gates some are at either end.
        assert np.any(share == 0) and np.any(share > 1 - 1e-6)
    added, multiplied = lengths.lines
    np.testing.assert_allclose(added.get_ydata(), geometry._LENGTHS, rtol=1e-3, atol=1e-6)
    # epsilon 0 moves a point to the origin: by its own length, of which the median is near 1.
    assert 0.7 < multiplied.get_ydata()[0] < 1.5
    assert figure_layout.faults(picture) == []
