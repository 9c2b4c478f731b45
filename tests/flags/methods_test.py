import inspect

import pytest

from flags import define
from flags import method as method_flags
from flags.methods import COMMON, FORMS, METHODS, label, rows
from trainers.settings import experiment as experiment_lib
from trainers.tuning import search_space
from xadv_tf import methods, models


def test_methods_are_those_of_the_library():
    assert set(METHODS) == set(methods.METHODS)
    alone = {name for name, method in methods.METHODS.items() if not method.combinable}
    assert alone == {name for name, declared in METHODS.items() if not declared.combines}


# What is said of a method beside its class must be so of the class.
@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_given_what_its_constructor_takes(name):
    declared, taken = METHODS[name], set(inspect.signature(methods.get(name)).parameters)
    assert ("mask" in taken) == declared.trains_mask
    assert ("generator" in taken) == (declared.generator is not None)
    assert ("num_examples" in taken) == declared.per_image
    assert set(COMMON) < taken
    # The gate's shape is one argument; a schedule's flags make one argument of several.
    made = {"beta", "gamma", "zeta", "mask_learning_rate", "mask_decay"}
    made |= {"consistency_ramp_epochs", "early_teacher_decay"}
    assert set(declared.takes) - made <= taken
    assert declared.generator is None or declared.generator in models.GENERATORS


def test_every_flag_is_taken_by_somebody():
    taken = {flag for declared in METHODS.values() for flag in declared.takes}
    taken |= {flag for form in FORMS.values() for flag in form.takes} | set(COMMON)
    assert set(experiment_lib.names_of(method_flags)) - {"method"} == taken


@pytest.mark.parametrize("name", METHODS)
def test_a_search_varies_flags_of_the_method_within_ranges(name):
    declared = METHODS[name]
    ranges = {**declared.search, **define.SEARCHES}
    if declared.trains_mask:
        ranges |= {k: v for form in FORMS.values() for k, v in form.search.items()}
    assert set(ranges) - set(define.SEARCHES) <= set(declared.takes)
    assert len(search_space.hyperparameters(ranges).space) == len(ranges)


def test_rows_stand_in_the_order_of_the_methods():
    names = list(rows())
    assert names[:4] == ["mle", "random_mask", "at", "vat"]
    assert [name for name in names if name.startswith("xvat")] == [
        "xvat_inductive", "xvat_transductive"
    ]  # fmt: skip
    assert {method for method, _ in rows().values()} == set(METHODS)


@pytest.mark.parametrize(
    ("method", "mask", "expected"),
    [
        ("vat", "inductive", "VAT"),
        ("xvat", "transductive", "xVAT-T"),
        ("xat+entropy", "inductive", "xAT-I+Entropy"),
    ],
)
def test_labels_tell_where_a_mask_lives(method, mask, expected):
    assert label(method, mask) == expected


def test_labels_tell_what_a_flag_makes_of_a_method():
    # Without a power iteration there is no adversary, and a fixed mask is not the mask of a step.
    assert label("vat", options={"num_power_iterations": 0, "epsilon": 5.0}) == "Noise"
    assert label("random_mask+vat", options={"fixed_masks": True}) == "FixedMask+VAT"
    unchanged = {"num_power_iterations": 1, "fixed_masks": False}
    assert label("random_mask+vat", options=unchanged) == "RandomMask+VAT"


@pytest.mark.parametrize("name", METHODS)
def test_variants_are_by_flags_of_the_method(name):
    assert set(METHODS[name].variants) <= set(METHODS[name].takes)
