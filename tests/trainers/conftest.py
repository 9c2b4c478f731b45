"""Runs for the tests of the programs that read them."""

import keras
import pytest

from trainers import experiment as experiment_lib
from trainers import train
from trainers.checkpoints import Checkpoints, checkpoint


@pytest.fixture(scope="session")
def make_run(tmp_path_factory):
    """(flags ..., steps) -> the directory of a run of so many steps; made once a session."""
    made = {}

    def make(*flags, steps=0):
        if (flags, steps) not in made:
            workdir = tmp_path_factory.mktemp("run")
            small = ["--num_labeled=100", "--labeled_batch_size=20", "--unlabeled_batch_size=20"]
            values = experiment_lib.parse([*small, *flags, f"--workdir={workdir}"])
            experiment = experiment_lib.from_flags(values)
            _, loop = train.prepare(experiment)
            if steps:
                loop.run(steps)
            (workdir / "config.flags").write_text(experiment_lib.to_flagfile(values))
            Checkpoints(workdir / "checkpoints", keep=1).save(checkpoint(loop.method), steps)
            keras.config.set_dtype_policy("float32")
            made[flags, steps] = workdir, loop.method
        return made[flags, steps]

    return make


@pytest.fixture(autouse=True)
def dtype_policy():
    """Reading a run sets the policy; the next test starts from the default."""
    yield
    keras.config.set_dtype_policy("float32")
