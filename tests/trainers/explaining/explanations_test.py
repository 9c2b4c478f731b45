import numpy as np
import pytest

from trainers.explaining import explanations
from trainers.run.restore import restore
from xadv_tf import attributions


@pytest.fixture
def of(make_run, make_tiny, tmp_path):
    """(flags ..., steps) -> (explanations by name, sentences, the run) of such a run."""
    make_tiny()

    def found(*flags, steps=0):
        workdir, _ = make_run(f"--dataset={tmp_path}/tiny.npz", *flags, steps=steps)
        run = restore(str(workdir))
        made, missing = explanations.of_run(*run)
        return {each.name: each for each in made}, missing, run

    return found


def _on_two(each, run):
    image = run[1].test[0][:2]
    given = explanations.compute(each, image, np.zeros(2, np.int32), 0 * image, chunk=1)
    assert given.shape == (2, 8, 8)
    return given


def test_a_generators_mask_stands_beside_what_it_was_before_training(of):
    flags = ("--method=xvat", "--mask=inductive", "--mask_learning_rate=0.1")
    trained, missing, run = of(*flags, steps=2)
    assert missing == ["No Grad-CAM: --model=mlp shows no convolution."]
    assert tuple(list(trained)[-3:]) == explanations.CONTROLS
    given = _on_two(trained["mask (inductive)"], run)
    log_alpha = run[2].log_alpha(run[1].test[0][:2])
    np.testing.assert_allclose(given, -log_alpha[..., 0], rtol=1e-5, atol=1e-6)
    before = _on_two(trained["mask (not trained)"], run)
    assert np.max(np.abs(before - given)) > 0.05
    fresh, _, run = of(*flags)
    np.testing.assert_allclose(_on_two(fresh["mask (inductive)"], run), before, rtol=1e-5)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        # The sum over 64 gates by 1/64 is the mean by 1.
        (("--method=xvat", "--mask=transductive"), (1.0, 1.0, 0.66)),
        (
            ("--method=xvat", "--l0_reduction=sum", "--sparsity=0.5", "--beta=0.5",
             "--adversarial_weight=2"),
            (2.0, 32.0, 0.5),
        ),
        (("--method=xvat", "--l0_reduction=mean", "--sparsity=0.5"), (1.0, 0.5, 0.66)),
    ],
)  # fmt: skip
def test_a_mask_for_each_image_has_the_runs_objective(of, monkeypatch, flags, expected):
    asked = {}

    def trained_log_alpha(predict, image, **settings):
        asked.update(settings)
        return image[..., 0]

    monkeypatch.setattr(attributions, "trained_log_alpha", trained_log_alpha)
    found, _, run = of(*flags)
    given = _on_two(found["mask (transductive)"], run)
    np.testing.assert_array_equal(given, -run[1].test[0][:2][..., 0])
    settings = (asked["adversarial_weight"], asked["sparsity"], asked["beta"])
    assert settings == pytest.approx(expected)


def test_a_run_without_masks_has_the_others(of):
    found, missing, _ = of("--method=mle", "--model=mnist_cnn")
    assert missing == ["No inductive mask: the run is one of MLE."]
    assert list(found)[:2] == ["mask (transductive)", "gradient"]
    assert "Grad-CAM" in found


def test_random_numbers_differ_from_image_to_image():
    image = np.zeros((3, 4, 4, 1), np.float32)
    for each in explanations.controls()[:2]:
        given = explanations.compute(each, image, np.zeros(3, np.int32), image, chunk=1)
        assert np.all(given[0] != given[1]) and np.all(given[1] != given[2])
