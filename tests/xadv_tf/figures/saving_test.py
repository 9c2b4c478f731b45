import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from xadv_tf import figures

_PNG = b"\x89PNG\r\n\x1a\n"  # how every PNG starts (ISO/IEC 15948, 5.2)


def test_only_the_finished_file_is_left(tmp_path):
    file = tmp_path / "new" / "picture.png"
    figures.save(Figure(figsize=(1, 1)), file)
    assert file.read_bytes().startswith(_PNG)
    assert list(file.parent.iterdir()) == [file]


def test_a_failure_leaves_the_old_file_alone(tmp_path):
    file = tmp_path / "picture.png"
    file.write_text("old")
    figure = Figure(figsize=(1, 1))
    figure.text(0, 0, "$\\unknown$")  # matplotlib fails when it draws this
    with pytest.raises(ValueError, match="unknown"):
        figures.save(figure, file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(("name", "received"), [("a.gif", "a.gif"), ("a", "a"), (None, "nothing")])
def test_another_ending_is_refused(name, received):
    with pytest.raises(ValueError, match=rf"ending in \.png, \.pdf, \.svg\. Received: {received}$"):
        figures.check_name(name)


def test_pixels_are_those_of_the_figure():
    # Two inches by one, the right half blue.
    figure = Figure(figsize=(2, 1), facecolor="white")
    figure.patches.append(
        Rectangle((0.5, 0), 0.5, 1, transform=figure.transFigure, color="blue", linewidth=0)
    )
    drawn = figures.pixels(figure, dpi=10)
    expected = np.full((10, 20, 3), 255)
    expected[:, 10:, :2] = 0
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn, expected)
