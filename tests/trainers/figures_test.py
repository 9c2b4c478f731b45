import numpy as np
import pytest
import tensorflow as tf
from absl import flags as absl_flags
from absl.testing import flagsaver

from trainers import figures
from trainers.errors import UsageError
from trainers.run.restore import restore

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


@pytest.mark.parametrize(
    ("method", "largest"),
    [
        # One step of L-infinity norm epsilon; a vector of Euclidean norm epsilon.
        ("at", lambda r: np.max(np.abs(r), axis=1)),
        ("vat", lambda r: np.linalg.norm(r, axis=1)),
    ],
)
def test_an_additive_method_alone(make_run, method, largest):
    workdir, _ = make_run(f"--method={method}", "--epsilon=0.5")
    shown = _images(figures.draw(str(workdir)))
    x, r, x_adv = (np.reshape(shown[10 * row : 10 * row + 10], (10, -1)) for row in range(3))
    np.testing.assert_allclose(largest(r), 0.5, rtol=1e-5)
    np.testing.assert_allclose(x_adv, x + r, atol=1e-6)


def test_masks_that_nobody_trained(make_run):
    workdir, method = make_run("--method=random_mask", "--log_alpha_mean=3")
    shown = _images(figures.draw(str(workdir)))
    x, log_alpha, mask, x_adv = (np.stack(shown[10 * row : 10 * row + 10]) for row in range(4))
    # 7,840 draws of N(3, 1): their mean's deviation is 0.011.
    assert np.mean(log_alpha) == pytest.approx(3, abs=0.06)
    np.testing.assert_allclose(x_adv, x * mask, atol=1e-6)


def test_runs_that_do_not_fit_are_refused(make_run):
    masked, _ = make_run(*_INDUCTIVE)
    mle, _ = make_run("--method=mle")
    scaled, _ = make_run("--method=vat", "--scaling=unit")
    with pytest.raises(UsageError, match="with masks.*a run of mle"):
        figures.draw(str(mle))
    with pytest.raises(UsageError, match="with masks. Received.*a run of vat"):
        figures.draw(str(scaled), str(scaled))
    with pytest.raises(UsageError, match="of vat or at.*a run of mle"):
        figures.draw(str(masked), str(mle))
    with pytest.raises(UsageError, match="same --scaling.*centered and unit"):
        figures.draw(str(masked), str(scaled))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--output must name a picture's file, ending in .png, .pdf, .svg. Received: nothing"),
        (["--output=a.gif"], ".svg. Received: --output=a.gif"),
        (["--output=a.png"], "--workdir must name the directory of a run"),
        (["--output=a.png", "--seed=2"], "Received: --seed=2"),
        (["--output=a.png", "--split=test"], "Received: --split=test"),
        (["a.png"], "flags start with --. Received: a.png"),
        (["--figure=6", "--output=a.png,b.gif"], "ending in .png"),
        (["--figure=6", "--output=a.png"], "--workdir must name a run's directory"),
        (["--figure=6", "--output=a.png", "--workdir=none"], "Received: --workdir=none"),
        (["--figure=curves", "--output=a.png", "--workdir=none/*.json"], "records that are there"),
        (
            ["--figure=curves", "--output=a.png", "--weights=best"],
            "no flag --weights with --figure=curves; see --help. Received: --weights=best",
        ),
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


def test_a_folder_that_cannot_be_written_costs_one_sentence(make_run, tmp_path, capfd):
    masked, _ = make_run(*_INDUCTIVE)
    (tmp_path / "file").touch()
    with flagsaver.flagsaver():
        arguments = ["program", f"--workdir={masked}", f"--output={tmp_path}/file/masks.png"]
        assert figures.main(absl_flags.FLAGS(arguments)) == 2
    error = capfd.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and "file" in error


def test_the_program_writes_the_picture(make_run, tmp_path, capfd):
    masked, _ = make_run(*_INDUCTIVE)
    files = [tmp_path / "masks.png", tmp_path / "new" / "masks.svg"]
    with flagsaver.flagsaver():
        arguments = [f"--workdir={masked}", f"--output={files[0]},{files[1]}"]
        assert figures.main(absl_flags.FLAGS(["program", *arguments])) == 0
    assert all(file.stat().st_size > 10_000 for file in files)
    assert capfd.readouterr().out == f"Picture: {files[0]}\nPicture: {files[1]}\n"


def test_confusion_is_that_of_the_evaluation(make_run, tmp_path, capfd, monkeypatch):
    workdir, method = make_run("--method=mle")
    drawn = []
    monkeypatch.setattr("xadv_tf.figures.save", lambda figure, path, dpi: drawn.append(figure))
    with flagsaver.flagsaver():
        arguments = ["--figure=confusion", f"--workdir={workdir}", f"--output={tmp_path}/a.pdf"]
        assert figures.main(absl_flags.FLAGS(["program", *arguments])) == 0
    (figure,) = drawn
    _, data, _ = restore(str(workdir))
    images, labels = data.test
    predicted = np.argmax(method(images), axis=-1)
    expected = np.zeros((10, 10), int)
    np.add.at(expected, (labels, predicted), 1)
    ax = figure.axes[0]
    written = {text.get_position(): int(text.get_text()) for text in ax.texts}
    assert written == {(j, i): n for (i, j), n in np.ndenumerate(expected) if n}
    assert "MLE on digits, test" in figure.get_suptitle()
