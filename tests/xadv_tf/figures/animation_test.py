import numpy as np
import pytest
from PIL import Image

from xadv_tf import figures


def _frames(count, side=8):
    return [np.full((side, side, 3), 40 * i, np.uint8) for i in range(count)]


@pytest.mark.parametrize("ending", figures.ANIMATIONS)
def test_frames_come_back_in_their_order(tmp_path, ending):
    file = tmp_path / "new" / f"a.{ending}"
    figures.save_animation(_frames(4), file, milliseconds=100, last_milliseconds=500)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    with Image.open(file) as image:
        assert (image.n_frames, image.size) == (4, (8, 8))
        greys, times = [], []
        for i in range(4):
            image.seek(i)
            greys.append(image.convert("RGB").getpixel((3, 3))[0])
            times.append(image.info["duration"])
    # GIF has one palette for all frames, made of the greys' five highest bits.
    np.testing.assert_allclose(greys, [0, 40, 80, 120], atol=0 if ending == "apng" else 8)
    assert times == [100, 100, 100, 500]


def test_what_is_no_animation_is_refused(tmp_path):
    with pytest.raises(ValueError, match="end in .gif, .apng. Received: .*a.png"):
        figures.save_animation(_frames(1), tmp_path / "a.png")
    for frames in ([], [*_frames(1), *_frames(1, side=9)]):
        with pytest.raises(ValueError, match="all of one size. Received"):
            figures.save_animation(frames, tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())
