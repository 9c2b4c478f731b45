"""Looks at a figure as a reader does: is every text on the page, and none on another?"""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

# Texts may touch by a part of a pixel: their boxes have margins.
_SLACK = 1.0


def texts(figure):
    """[(what is written, its box in pixels)] of all that is visible, once it is drawn."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)  # Places what only drawing places.
    # matplotlib keeps ticks beyond an axis, which it does not draw.
    beyond = set()
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            drawn = {id(tick) for tick in axis._update_ticks()} if ax.axison else set()
            ticks = [*axis.majorTicks, *axis.minorTicks]
            beyond |= {
                id(label)
                for tick in ticks
                if id(tick) not in drawn
                for label in (tick.label1, tick.label2)
            }
    found = []
    for text in figure.findobj(Text):
        box = text.get_window_extent(renderer)
        if text.get_visible() and text.get_text().strip() and id(text) not in beyond and box.width:
            found.append((text.get_text(), box))
    return found, renderer


def faults(figure):
    """Sentences on texts that leave the figure or overlap each other; none of a good figure."""
    found, renderer = texts(figure)
    wrong = [
        f"{text!r} leaves the figure"
        for text, box in found
        if box.x0 < -_SLACK
        or box.y0 < -_SLACK
        or box.x1 > renderer.width + _SLACK
        or box.y1 > renderer.height + _SLACK
    ]
    for i, (text, box) in enumerate(found):
        for other, beside in found[i + 1 :]:
            apart = (
                box.x1 <= beside.x0 + _SLACK
                or beside.x1 <= box.x0 + _SLACK
                or box.y1 <= beside.y0 + _SLACK
                or beside.y1 <= box.y0 + _SLACK
            )
            if not apart:
                wrong.append(f"{text!r} overlaps {other!r}")
    return wrong
