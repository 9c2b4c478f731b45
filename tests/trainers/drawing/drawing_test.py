from matplotlib.figure import Figure
from PIL import Image

from trainers.drawing.drawing import Drawing


def test_the_ending_decides_between_picture_and_animation(tmp_path):
    drawing = Drawing(Figure(figsize=(1, 1)), animate=lambda path: path.write_text("moves"), dpi=90)
    for name in ("a.png", "a.svg", "a.gif"):
        drawing.save(str(tmp_path / name))
    assert (tmp_path / "a.gif").read_text() == "moves"
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (90, 90)
    assert "<svg" in (tmp_path / "a.svg").read_text()
