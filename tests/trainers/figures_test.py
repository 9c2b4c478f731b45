import numpy as np
import pytest
import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import experiment as experiment_lib
from trainers import figures
from trainers.restore import restore

_INDUCTIVE = ("--method=xvat", "--mask=inductive")
_TRANSDUCTIVE = ("--method=xvat", "--mask=transductive")


def _images(figure):
    return [np.asarray(image.get_array()) for ax in figure.axes for image in ax.images]


def test_both_runs_show_the_first_digit_of_each_class_in_the_pool(make_run):
    masked, method = make_run(*_TRANSDUCTIVE)
    vat, additive = make_run("--method=vat", "--epsilon=1.5", "--seed=3")
    shown = _images(figures.draw(str(masked), str(vat)))
    _, data, _ = restore(str(masked))
    labels = data.dataset.train_labels[data.split.pool]
    index = np.array([list(labels).index(digit) for digit in range(10)])
    image = tf.gather(data.pool.image, index)
    expected = method.perturb(image, index=index)
    np.testing.assert_array_equal(np.stack(shown[:10]), image[..., 0])
    np.testing.assert_array_equal(np.stack(shown[10:20]), expected["log_alpha"][..., 0])
    np.testing.assert_array_equal(np.stack(shown[20:30]), expected["mask"][..., 0])
    np.testing.assert_array_equal(np.stack(shown[30:40]), expected["x_adv"][..., 0])
    perturbation = additive.perturb(image)["perturbation"]
    np.testing.assert_allclose(np.stack(shown[40:50]), perturbation[..., 0], atol=1e-6)
    # VAT's perturbation has length epsilon, whatever the image.
    lengths = np.linalg.norm(np.reshape(shown[40:50], (10, -1)), axis=1)
    np.testing.assert_allclose(lengths, 1.5, rtol=1e-5)


def test_at_may_stand_beside(make_run):
    masked, _ = make_run(*_INDUCTIVE)
    shown = _images(figures.draw(str(masked), str(make_run("--method=at", "--epsilon=0.1")[0])))
    np.testing.assert_allclose(np.max(np.abs(shown[40:50])), 0.1, rtol=1e-5)


def test_runs_that_do_not_fit_are_refused(make_run):
    masked, _ = make_run(*_INDUCTIVE)
    mle, _ = make_run("--method=mle")
    scaled, _ = make_run("--method=vat", "--scaling=unit")
    with pytest.raises(experiment_lib.UsageError, match="with masks.*a run of mle"):
        figures.draw(str(mle))
    with pytest.raises(experiment_lib.UsageError, match="of vat or at.*a run of mle"):
        figures.draw(str(masked), str(mle))
    with pytest.raises(experiment_lib.UsageError, match="same --scaling.*centered and unit"):
        figures.draw(str(masked), str(scaled))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--output=a.gif"], "ending in .png"),
        (["--output=a.png"], "--workdir must name the directory of a run"),
        (["--output=a.png", "--seed=2"], "Received: --seed=2"),
        (["a.png"], "flags start with --. Received: a.png"),
    ],
)
def test_mistakes_give_one_sentence(arguments, sentence, capfd):
    with flagsaver.flagsaver():
        rest = absl_flags.FLAGS(["program", *arguments])
        assert figures.main(rest) == 2
    output = capfd.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ") and output.err.count("\n") == 1
    assert sentence in output.err


def test_the_program_writes_the_picture(make_run, tmp_path, capfd):
    masked, _ = make_run(*_INDUCTIVE)
    file = tmp_path / "masks.png"
    with flagsaver.flagsaver():
        rest = absl_flags.FLAGS(["program", f"--workdir={masked}", f"--output={file}"])
        assert figures.main(rest) == 0
    assert file.stat().st_size > 10_000
    assert capfd.readouterr().out == f"Picture: {file}\n"
