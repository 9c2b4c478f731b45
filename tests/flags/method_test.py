"""What flags of methods offer is what the library takes."""

import keras
import pytest

from flags.methods import FORMS
from trainers.settings import experiment as experiment_lib
from xadv_tf import methods, models
from xadv_tf.layers import PerturbationGenerator
from xadv_tf.methods import multiplicative


def _choices(flag):
    return experiment_lib.parse([])[flag].parser.enum_values


def _classifier():
    return keras.Sequential([keras.layers.Input((4, 4, 1)), keras.layers.Flatten()])


@pytest.mark.parametrize(
    ("flag", "known"),
    [
        ("divergence", multiplicative.DIVERGENCES),
        ("generator", models.GENERATORS),
        ("mask", FORMS),
    ],
)
def test_choices_are_the_librarys(flag, known):
    assert set(_choices(flag)) == set(known)


@pytest.mark.parametrize(("flag", "method"), [("norm", methods.AT), ("l0_reduction", methods.XVAT)])
def test_the_library_takes_every_choice_and_no_other(flag, method):
    for choice in _choices(flag):
        assert getattr(method(_classifier(), **{flag: choice}), flag) == choice
    with pytest.raises(ValueError, match=" or ".join(f"'{c}'" for c in _choices(flag))):
        method(_classifier(), **{flag: "none"})


def test_a_generator_is_as_deep_as_the_library_lets_it_be():
    parser = experiment_lib.parse([])["generator_depth"].parser
    for depth in (parser.lower_bound, parser.upper_bound):
        assert PerturbationGenerator(depth=depth).depth == depth
    for depth in (parser.lower_bound - 1, parser.upper_bound + 1):
        with pytest.raises(ValueError, match="depth must be"):
            PerturbationGenerator(depth=depth)


def test_what_is_not_given_is_left_to_the_method():
    # Two flags choose among methods and forms; of all others the classes have the defaults.
    values = experiment_lib.parse([])
    names = set(experiment_lib.names_of(experiment_lib.method_flags)) - {"method"}
    assert {name for name in names if values[name].value is not None} == set()
