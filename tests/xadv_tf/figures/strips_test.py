import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from xadv_tf.figures import strips


def _axes(count=1):
    figure = Figure(figsize=(4, 2))
    return [figure.add_subplot(1, count, i + 1) for i in range(count)]


def test_a_linear_scale_is_marked_at_its_ends_and_in_the_middle():
    scale = strips.linear("gray", -1.0, 3.0)
    assert scale.ticks == (-1.0, 1.0, 3.0)
    assert [scale.norm(value) for value in scale.ticks] == [0.0, 0.5, 1.0]
    # A middle of rounding noise is 0: its mark shall not read 1.39e-17.
    assert strips.linear("gray", -0.3, 0.1 + 0.2).ticks[1] == 0.0


def test_a_symmetric_scale_ends_at_its_limit():
    scale = strips.asinh("RdBu_r", 2.0)
    assert scale.ticks == (-2.0, -0.2, 0.2, 2.0)
    # asinh(v / 0.2) / asinh(10) from -1 to 1, which becomes 0 to 1: at 0.2 it is 0.8814 / 2.9982.
    expected = [0.0, 0.5 - 0.14699, 0.5, 0.5 + 0.14699, 1.0]
    np.testing.assert_allclose(scale.norm([-2, -0.2, 0, 0.2, 2]), expected, atol=1e-5)
    np.testing.assert_array_equal(scale.norm([-9, 9]), [0, 1])  # Beyond the limit: its colour.


@pytest.mark.parametrize("channels", [1, 3])
def test_images_stand_side_by_side_in_order(channels):
    ax = Figure(figsize=(4, 1)).add_axes((0.0, 0.0, 1.0, 1.0))
    images = np.arange(3 * 2 * 2 * channels, dtype=float).reshape(3, 2, 2, channels)
    strips.draw_images(ax, images, strips.linear("gray", 0.0, images.max()), gap=0.5)
    # An image is one wide: 0 to 1, 1.5 to 2.5, 3 to 4.
    extents = [tuple(image.get_extent()) for image in ax.images]
    assert extents == [(0, 1, 0, 1), (1.5, 2.5, 0, 1), (3, 4, 0, 1)]
    assert ax.get_xlim() == (0, 4) and ax.get_ylim() == (0, 1)
    for shown, image in zip(ax.images, images, strict=True):
        # Grey values take the colour scale; those of a coloured image are brought to [0, 1].
        expected = image[..., 0] if channels == 1 else image / images.max()
        np.testing.assert_allclose(shown.get_array(), expected)


# The box of two images and no gap is 4 x 2 inches: a part of it is a square.
@pytest.mark.parametrize(
    ("shape", "expected"),
    [((2, 4), (1.0, 2.0, 0.25, 0.75)), ((4, 2), (1.25, 1.75, 0.0, 1.0))],
)
def test_an_image_keeps_its_proportions(shape, expected):
    ax = Figure(figsize=(8, 4)).add_axes((0.25, 0.25, 0.5, 0.5))
    strips.draw_images(ax, np.zeros((2, *shape, 1)), strips.linear("gray", 0.0, 1.0))
    assert tuple(ax.images[1].get_extent()) == expected
    frame = ax.patches[1].get_bbox()
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == expected


def test_colours_outside_the_scale_are_cut_off():
    (ax,) = _axes()
    image = np.array([-1.0, 0.5, 2.0]).reshape(1, 1, 1, 3)
    strips.draw_images(ax, image, strips.linear("gray", 0.0, 1.0))
    np.testing.assert_array_equal(ax.images[0].get_array(), [[[0.0, 0.5, 1.0]]])


@pytest.mark.parametrize(("below", "height", "side"), [(True, 0.0, "top"), (False, 1.0, "bottom")])
def test_a_text_stands_in_the_middle_of_its_image(below, height, side):
    (ax,) = _axes()
    strips.draw_images(ax, np.zeros((2, 2, 2, 1)), strips.linear("gray", 0.0, 1.0), gap=1.0)
    strips.write(ax, ["a", "b"], ["red", "blue"], below=below, fontsize=7)
    assert [text.get_text() for text in ax.texts] == ["a", "b"]
    assert [text.xy for text in ax.texts] == [(0.5, height), (2.5, height)]
    assert [text.get_color() for text in ax.texts] == ["red", "blue"]
    assert {text.get_va() for text in ax.texts} == {side}
    assert {text.get_fontsize() for text in ax.texts} == {7}


def test_a_colour_scale_has_the_strips_ticks_and_colours():
    ax, bar = _axes(2)
    scale = strips.asinh("RdBu_r", 2.0)
    strips.draw_images(ax, np.zeros((1, 2, 2, 1)), scale)
    strips.draw_scale(ax, bar, scale)
    labels = [label.get_text() for label in bar.get_yticklabels()]
    assert labels == ["−2", "−0.2", "0.2", "2"]
    assert ax.images[0].get_cmap() == matplotlib.colormaps["RdBu_r"]
    assert bar.axison


def test_images_in_colour_have_no_scale():
    ax, bar = _axes(2)
    scale = strips.linear("gray", 0.0, 1.0)
    strips.draw_images(ax, np.zeros((1, 2, 2, 3)), scale)
    strips.draw_scale(ax, bar, scale)
    assert not bar.axison and not bar.images
