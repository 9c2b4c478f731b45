import figure_layout
import numpy as np
import pytest

from trainers.drawing import evolution
from trainers.errors import UsageError
from trainers.reports import shown_images
from trainers.run.restore import restore

_TRANSDUCTIVE = ("--method=xvat", "--mask=transductive", "--mask_learning_rate=0.1",
                 "--unlabeled_batch_size=1500", "--train_steps=4")  # fmt: skip


def _log_alpha(figure):
    """[images, steps, height, width] from the picture."""
    return np.array([
        [image.get_array() for image in ax.images]
        for ax in figure.axes
        if ax.images and ax.images[0].get_cmap().name == "RdBu_r" and not ax.axison
    ])  # fmt: skip


def test_the_training_is_repeated_to_the_runs_own_masks(make_run):
    workdir, trained = make_run(*_TRANSDUCTIVE, steps=4)
    drawing = evolution.draw(str(workdir))
    _, data, _ = restore(str(workdir))
    index = shown_images.one_of_each_class(data, at_most=3).index
    shown = _log_alpha(drawing.picture)
    assert shown.shape[:2] == (3, 4)  # Steps 0, 1, 2, 4.
    final = trained.log_alpha(None, index).numpy()[..., 0]
    np.testing.assert_array_equal(shown[:, -1], final)
    # Adam moves a gate by its rate at most; of 4,000 rows a batch visits 1,500.
    assert 0 < np.max(np.abs(shown[:, -1] - shown[:, 0])) < 0.41
    assert "to the bit" in drawing.told[-1]
    assert figure_layout.faults(drawing.picture) == []


def test_only_the_beginning(make_run):
    workdir, _ = make_run(*_TRANSDUCTIVE, steps=4)
    drawing = evolution.draw(str(workdir), 1)
    assert _log_alpha(drawing.picture).shape[:2] == (3, 2)
    assert len(drawing.told) == 1 and drawing.told[0].startswith("step 1: log_alpha has moved by")


def test_steps_are_denser_in_the_beginning():
    assert evolution.at_steps(1000) == [0, 10, 50, 200, 500, 1000]
    assert evolution.at_steps(3) == [0, 1, 2, 3]


def test_mistakes(make_run):
    mle, _ = make_run("--method=mle")
    with pytest.raises(UsageError, match="trains masks with --figure=5a.*a run of MLE"):
        evolution.draw(str(mle))
    with pytest.raises(UsageError, match="not be more than the run's 2000. Received: .*=3000"):
        evolution.draw(str(mle), 3000)
