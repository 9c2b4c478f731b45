import figure_layout
import numpy as np
import pytest

from trainers.drawing import evolution
from trainers.errors import UsageError

# A generator moves the masks of all images, a table's rows wait for their visit.
_INDUCTIVE = ("--method=xvat", "--mask=inductive", "--mask_learning_rate=0.1", "--train_steps=4")


def _log_alpha(figure):
    """[images, steps, height, width] from the picture."""
    return np.array([
        [image.get_array() for image in ax.images]
        for ax in figure.axes
        if ax.images and ax.images[0].get_cmap().name == "RdBu_r" and not ax.axison
    ])  # fmt: skip


def test_the_training_is_repeated_to_the_runs_own_masks(make_run):
    workdir, trained = make_run(*_INDUCTIVE, steps=4)
    drawing = evolution.draw(str(workdir))
    shown = _log_alpha(drawing.picture)
    assert shown.shape[:2] == (3, 4)  # Steps 0, 1, 2, 4.
    images = np.array([ax.images[0].get_array() for ax in drawing.picture.axes
                       if len(ax.images) == 1 and not ax.axison])  # fmt: skip
    final = trained.log_alpha(images[..., np.newaxis].astype(np.float32))[..., 0]
    np.testing.assert_allclose(shown[:, -1], final, atol=1e-6)
    # Adam moves each of 10 weights by 0.1 at most, and pixels are at most 1/2: 4 (9 0.05 + 0.1).
    assert 0 < np.max(np.abs(shown[:, -1] - shown[:, 0])) < 2.3
    assert drawing.told[0].startswith("step 1: log_alpha has moved by")
    assert "to the bit" in drawing.told[-1]
    assert figure_layout.faults(drawing.picture) == []


def test_steps_are_denser_in_the_beginning():
    assert evolution.at_steps(1000) == [0, 10, 50, 200, 500, 1000]
    assert evolution.at_steps(3) == [0, 1, 2, 3]


def test_mistakes(make_run):
    mle, _ = make_run("--method=mle")
    with pytest.raises(UsageError, match="trains masks with --figure=5a.*a run of MLE"):
        evolution.draw(str(mle))
    with pytest.raises(UsageError, match="not be more than the run's 2000. Received: .*=3000"):
        evolution.draw(str(mle), 3000)
