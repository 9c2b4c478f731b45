import numpy as np
import pytest

from trainers.errors import UsageError
from trainers.explaining import referees
from trainers.run.restore import restore


def test_each_way_has_the_referee_that_was_trained_with_it(tiny_run):
    workdir = tiny_run("--method=mle")
    grey, black = (tiny_run("--method=random_mask", f"--fill={fill}") for fill in ("zero", "black"))
    chosen = referees.appoint([black, grey], *_images(workdir), num_images=5)
    found = {way: (about["workdir"], about["same_way"]) for way, (_, about) in chosen.items()}
    assert found == {"zero": (grey, True), "black": (black, True), "blurred": (black, False)}


def _images(workdir):
    image, _ = referees.chosen(restore(workdir)[1].test, 5)
    return image, {"zero": image, "black": image, "blurred": image}, np.array([0, 64])


def test_referees_that_do_not_fit_are_refused(tiny_run):
    workdir = tiny_run("--method=mle")
    images = _images(workdir)
    with pytest.raises(UsageError, match="a run of a method with masks.*a run of mle"):
        referees.appoint([workdir], *images, num_images=5)
    scaled = tiny_run("--method=random_mask", "--scaling=unit")
    with pytest.raises(UsageError, match="same test images.*with --scaling=unit"):
        referees.appoint([scaled], *images, num_images=5)


def test_a_run_is_judged_by_those_of_its_own_seed(tiny_run):
    first, second = (tiny_run("--method=random_mask", f"--seed={seed}") for seed in (1, 2))
    assert referees.of_seed([first, second], 2) == [second]
    assert referees.of_seed([first, second], 3) == [first, second]
