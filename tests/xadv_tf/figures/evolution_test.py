import figure_layout
import numpy as np
import pytest

from xadv_tf import figures


def _snapshots(steps, images=2, channels=1, move=0.0):
    rng = np.random.default_rng(0)
    first = rng.normal(size=(images, 8, 8, 1))
    x_adv = rng.uniform(-0.5, 0.5, (images, 8, 8, channels))
    return [
        figures.Snapshot(step, first + i * move, x_adv * (1 - i / 10))
        for i, step in enumerate(steps)
    ]


def _draw(snapshots, channels=1, labels=(0, 1), **kwargs):
    x = np.random.default_rng(1).uniform(-0.5, 0.5, (len(labels), 8, 8, channels))
    title = "Masks of xVAT-I+VAT over its training on cifar10"
    return figures.draw_evolution(x, labels, snapshots, title=title, **kwargs)


def test_a_row_is_an_image_over_the_steps():
    snapshots = _snapshots([0, 10, 500], move=0.25)
    figure = _draw(snapshots)
    strips = [ax for ax in figure.axes if len(ax.images) == 3]
    assert len(strips) == 6  # Three of each of two images.
    for i, (log_alpha, moved, x_adv) in enumerate((strips[:3], strips[3:])):
        for column, snapshot in enumerate(snapshots):
            expected = (
                snapshot.log_alpha,
                snapshot.log_alpha - snapshots[0].log_alpha,
                snapshot.x_adv,
            )
            for ax, values in zip((log_alpha, moved, x_adv), expected, strict=True):
                np.testing.assert_array_equal(ax.images[column].get_array(), values[i, ..., 0])


def test_the_distance_stands_under_its_step():
    figure = _draw(_snapshots([0, 10, 500], move=0.25))
    assert figures.mean_move(*_snapshots([0, 1], move=-0.25)) == pytest.approx(0.25)
    places = {text.get_text(): text.get_position()[0] for text in figure.texts}
    for step, moved in (("step 0", "0"), ("10", "0.25"), ("500", "0.5")):
        assert places[step] == places[moved]


def test_all_log_alpha_share_a_symmetric_scale():
    figure = _draw(_snapshots([0, 10], move=4.0))
    scales = {ax.images[0].get_clim() for ax in figure.axes
              if ax.images and ax.images[0].get_cmap().name == "RdBu_r"}  # fmt: skip
    # N(0, 1) around 0 and 4: the 99.5 % of magnitudes is near 6, the next round number 10.
    assert scales == {(-10, 10)}


@pytest.mark.parametrize(("channels", "steps"), [(1, [0]), (3, [0, 1, 10, 100, 1000, 200000])])
def test_nothing_is_clipped_or_overlaps(channels, steps):
    figure = _draw(_snapshots(steps, channels=channels), channels,
                   class_names=["aquarium_fish", "automobile"])  # fmt: skip
    assert figure_layout.faults(figure) == []


def test_snapshots_of_other_images_are_refused():
    for snapshots in ([], _snapshots([0], images=3)):
        with pytest.raises(ValueError, match="each of the 2 images. Received"):
            _draw(snapshots)
