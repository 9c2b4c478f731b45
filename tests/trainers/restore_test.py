import numpy as np
import pytest
import tensorflow as tf

from trainers import experiment as experiment_lib
from trainers.restore import restore


@pytest.mark.parametrize(
    "flags",
    [
        ("--method=xvat", "--mask=transductive"),
        ("--method=xvat", "--mask=inductive", "--precision=mixed_bfloat16", "--strategy=mirrored"),
    ],
)
def test_a_run_comes_back_as_it_was(make_run, flags):
    workdir, method = make_run(*flags, steps=2)
    experiment, data, again = restore(str(workdir))
    assert experiment.method == "xvat"
    assert int(again.step) == 2
    assert len(data.split.labeled) == 100
    # The table's rows drift with the state of their optimizer, so this reads all of the run.
    index = tf.range(0, 4000, 100)
    image = tf.gather(data.pool.image, index)
    for name, value in method.perturb(image, index=index).items():
        np.testing.assert_array_equal(again.perturb(image, index=index)[name], value, err_msg=name)
    np.testing.assert_array_equal(again(image), method(image))


def test_a_missing_run_is_a_usage_error(tmp_path):
    with pytest.raises(experiment_lib.UsageError, match=r"config\.flags .*--workdir=/nowhere"):
        restore("/nowhere")
    with pytest.raises(experiment_lib.UsageError, match="--additive_workdir must name"):
        restore("", flag="--additive_workdir")
    (tmp_path / "config.flags").write_text("--method=mle\n")
    with pytest.raises(
        experiment_lib.UsageError, match="with an intact checkpoint; train it first"
    ):
        restore(str(tmp_path))
