import keras
import pytest

from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib


@pytest.mark.parametrize("steps", ["0:1", "10:20"])
def test_steps_to_profile(steps):
    assert experiment_lib.parse([f"--profile_steps={steps}"]).profile_steps == steps


@pytest.mark.parametrize("steps", ["10", "10:", "a:b", "7:7", "9:7", "-1:7", "1:2:3"])
def test_what_is_no_range_of_steps(steps):
    with pytest.raises(UsageError, match="--profile_steps must be A:B"):
        experiment_lib.parse([f"--profile_steps={steps}"])


def test_every_precision_is_a_policy_of_keras():
    for name in experiment_lib.parse([])["precision"].parser.enum_values:
        assert keras.dtype_policies.get(name).name == name
