import itertools

from matplotlib.colors import to_rgb

from xadv_tf.figures.series import series


def test_no_two_of_seven_share_anything():
    looks = [series(number) for number in range(7)]
    for kind in ("color", "dash", "marker"):
        assert len({getattr(look, kind) for look in looks}) == 7


def test_seven_times_seven_differ_in_something():
    assert len({series(number) for number in range(49)}) == 49


def test_greys_of_the_first_three_differ():
    # Luminance by Rec. 709, as a printer makes grey of colours.
    colors = [to_rgb(series(number).color) for number in range(3)]
    grey = [0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in colors]
    assert min(abs(a - b) for a, b in itertools.combinations(grey, 2)) > 0.05
