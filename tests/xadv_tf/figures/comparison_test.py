import figure_layout
import numpy as np
import pytest

from xadv_tf import figures


def _block(name, channels=1, class_names=None, limit=None):
    rng = np.random.default_rng(len(name))
    x = rng.uniform(-0.5, 0.5, (4, 8, 8, channels))
    mask = rng.uniform(0, 1, (4, 8, 8, 1))
    r = rng.normal(0, 0.1, x.shape)
    before, after = rng.dirichlet(np.ones(10), (2, 4))
    return figures.Block(
        name,
        x,
        [0, 1, 2, 3],
        figures.Multiplicative("xVAT-T", before, after, x * mask, mask, mask),
        figures.Additive("VAT", before, after, x + r, r, limit),
        class_names,
    )


def test_rows_are_x_z_masked_r_and_added():
    blocks = [_block("digits"), _block("mnist", limit=0.25)]
    figure = figures.draw_comparison(blocks)
    assert len(figure.axes) == 10
    for block, axes in zip(blocks, (figure.axes[:5], figure.axes[5:]), strict=True):
        expected = (
            block.x,
            block.multiplicative.mask,
            block.multiplicative.x_adv,
            block.additive.perturbation,
            block.additive.x_adv,
        )
        for ax, values in zip(axes, expected, strict=True):
            shown = np.stack([image.get_array() for image in ax.images])
            np.testing.assert_allclose(shown, values[..., 0])
    # 99.5 % of N(0, 0.1) is below 0.28: the next round number is 0.5.
    assert figure.axes[3].images[0].get_clim() == (-0.5, 0.5)
    assert figure.axes[8].images[0].get_clim() == (-0.25, 0.25)
    assert any("orange +0.25" in text.get_text() for text in figure.axes[8].texts)


@pytest.mark.parametrize("count", [1, 5])
def test_nothing_is_clipped_or_overlaps(count):
    names = ["airplane", "automobile", "aquarium_fish", "mountain", *"abcdef"]
    blocks = [_block("svhn_cropped", 3, names) for _ in range(count)]
    assert figure_layout.faults(figures.draw_comparison(blocks)) == []


def test_no_block_is_refused():
    with pytest.raises(ValueError, match="one or more"):
        figures.draw_comparison([])
