import dataclasses

import numpy as np
import pytest

from trainers.attacking import threats
from trainers.attacking.settings import Settings
from trainers.errors import UsageError
from trainers.run.restore import restore
from xadv_tf import masks

SETTINGS = Settings(
    attacks=("fgsm", "apgd_dlr", "greedy_removal", "generated_removal"),
    **{"linf": (0.0, 0.1), "l2": (0.0, 1.0), "removed": (0.0, 0.001, 0.0011, 0.5)},
    **{"attack_steps": 6, "restarts": 2, "queries": 9, "num_images": None, "doubt": True},
)


@pytest.fixture(scope="module")
def inductive(make_run):
    workdir, _ = make_run("--method=xvat", "--mask=inductive", "--fill=black", "--scaling=unit")
    _, data, method = restore(str(workdir))
    return data, method


def test_attacks_begin_at_the_data_s_own_pixels(inductive):
    data, method = inductive
    (linf, l2, removal), left_out = threats.of_run(method, data, SETTINGS)
    assert left_out == []
    assert (linf.sizes, l2.sizes) == ((0, 25.5), (0, 255))
    assert list(linf.attacks) == list(l2.attacks) == ["fgsm", "apgd_dlr"]
    images = data.dataset.test_images[:3]
    fgsm = linf.attacks["fgsm"]
    assert (fgsm.low, fgsm.high, fgsm.norm) == (0, 255, "linf")
    expected = method(data.test[0][:3], training=False)
    np.testing.assert_allclose(fgsm.predict(images, images.astype("float32")), expected, atol=1e-5)
    apgd = l2.attacks["apgd_dlr"]
    assert (apgd.steps, apgd.restarts, apgd.norm) == (6, 2, "l2")
    # Of 784 pixels 0.1 % and 0.11 % are one.
    assert removal.sizes == (0, 1, 392) and removal.strengths == (0, 0.001, 0.5)


def test_removed_pixels_become_the_run_s_fill(inductive):
    data, method = inductive
    (*_, removal), _ = threats.of_run(method, data, SETTINGS)
    images, mask = data.dataset.test_images[:3].astype("float32"), np.ones((3, 28, 28, 1), "f4")
    mask[:, 10:] = 0
    black = np.where(mask > 0, images, 0.0)
    expected = method(data.preprocess(black), training=False)
    found = removal.attacks["greedy_removal"].predict(images, mask)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    generated = removal.attacks["generated_removal"](images, np.zeros(3, int), 392)
    scaled = data.preprocess(images)
    log_alpha = np.reshape(masks.expand(method.log_alpha(scaled), scaled.shape), (3, -1))
    for keep, location in zip(np.reshape(generated, (3, -1)), log_alpha, strict=True):
        if not np.all(keep):
            assert np.max(location[keep == 0]) <= np.min(location[keep == 1])


def test_four_times_as_hard(inductive):
    data, method = inductive
    (linf, _, removal), _ = threats.of_run(method, data, SETTINGS, harder=True)
    assert linf.attacks["apgd_dlr"].steps == 24
    assert removal.attacks["greedy_removal"].rounds == 12


def test_what_a_run_cannot_have_is_said(make_run):
    _, data, method = restore(str(make_run("--method=mle")[0]))
    found, left_out = threats.of_run(method, data, SETTINGS)
    assert left_out == ["no generated_removal: the run trained no generator"]
    assert list(found[2].attacks) == ["greedy_removal"]
    assert threats.fill_of(method) == 0.0
    alone = dataclasses.replace(SETTINGS, attacks=("generated_removal",))
    expected = "^--attacks must name .*; no generated_removal: .*Received: --attacks=generated_rem"
    with pytest.raises(UsageError, match=expected):
        threats.of_run(method, data, alone)
