from flags.benchmark import TIMED, TIMED_BY_DEFAULT
from flags.methods import METHODS, rows


def test_what_is_timed_trains_any_classifier():
    assert set(TIMED_BY_DEFAULT) <= set(TIMED)
    assert {method for method, _ in (rows()[name] for name in TIMED)} == {
        name
        for name, declared in METHODS.items()
        if declared.generator is None and name != "ladder"
    }


def test_both_forms_of_a_mask_are_timed_and_vat_that_they_are_compared_with():
    assert {"vat", "xvat_inductive", "xvat_transductive"} <= set(TIMED_BY_DEFAULT)
