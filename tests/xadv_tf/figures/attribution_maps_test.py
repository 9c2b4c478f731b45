import numpy as np

from xadv_tf import figures
from xadv_tf.figures import attribution_maps


def test_places_are_those_in_the_images_own_order():
    values = np.array([[[3.0, 1.0], [2.0, 10.0]], [[0.0, 0.0], [0.0, -5.0]]])
    # Of the second image three share the places 1 to 3 of 0 to 3.
    expected = [[[2 / 3, 0.0], [1 / 3, 1.0]], [[2 / 3, 2 / 3], [2 / 3, 0.0]]]
    np.testing.assert_allclose(attribution_maps.places(values), expected)


def test_a_row_for_each_attribution_below_the_images():
    rng = np.random.default_rng(0)
    x, given = rng.normal(size=(3, 4, 4, 1)), rng.normal(size=(3, 4, 4))
    maps = {"gradient": given, "random": -given}
    figure = figures.draw_attributions(x, ["a", "b", "c"], maps, title="title")
    rows = [[np.asarray(image.get_array()) for image in ax.images] for ax in figure.axes]
    np.testing.assert_array_equal(rows[0], x[..., 0])
    np.testing.assert_allclose(rows[1], attribution_maps.places(given))
    np.testing.assert_allclose(np.add(rows[1], rows[2]), 1.0)
    written = [text.get_text() for text in figure.texts]
    assert written == ["image", "gradient", "random", "title"]
    assert [note.get_text() for note in figure.axes[0].texts] == ["a", "b", "c"]
    figures.pixels(figure)
    for text in figure.texts:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
