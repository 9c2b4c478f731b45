import inspect

import pytest

from flags import model as model_flags
from flags.models import MODELS
from trainers.settings import experiment as experiment_lib
from xadv_tf import models


def test_models_are_those_of_the_library():
    assert set(MODELS) == set(models.MODELS)


@pytest.mark.parametrize("model", models.MODELS)
def test_models_take_what_their_flags_are_called(model):
    parameters = inspect.signature(models.get(model)).parameters
    if "kwargs" in parameters:  # A form of another model, whose arguments it takes.
        base = max((name for name in models.MODELS if model.startswith(name + "_")), key=len)
        parameters = inspect.signature(models.get(base)).parameters
    assert set(MODELS[model].values()) <= set(parameters)


def test_every_flag_is_taken_by_somebody():
    taken = {flag for flags in MODELS.values() for flag in flags}
    assert set(experiment_lib.names_of(model_flags)) - {"model"} == taken
