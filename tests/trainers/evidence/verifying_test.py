import math

import pytest

from trainers.errors import UsageError
from trainers.evidence import making, verifying
from trainers.evidence import record as record_lib

_HERE = {"hardware": "a machine", "cores_used": "1", "tensorflow": "2", "keras": "3", "python": "3"}


@pytest.fixture
def kept(make_run):
    """The record of a run of 4 steps, 2 an epoch, whose objective is 1 / step."""
    made = making.from_run(make_run("run", "--method=vat"))
    made.content["made_by"].update(_HERE)
    return made


def _lines(kept, **changes):
    return [{**line, **changes} for line in kept.content["beginning"]]


def test_what_is_repeated_is_whole_epochs_of_the_run(kept):
    again = verifying.repetition(kept, steps=1, data_dir="/data")
    assert (again.steps, again.compared, again.stops) == (2, 1, True)
    assert {"--stop_at=2", "--train_steps=4", "--notest", "--data_dir=/data"} <= set(
        again.arguments
    )
    again = verifying.repetition(kept, steps=3, data_dir=None)
    assert (again.steps, again.stops) == (4, False)
    assert not any("stop_at" in argument for argument in again.arguments)
    again = verifying.repetition(kept, steps=10**6, data_dir=None)
    assert (again.steps, again.compared) == (4, 4)


def test_steps_must_reach_a_log(kept):
    kept.content["beginning"] = kept.content["beginning"][2:]
    assert verifying.repetition(kept, steps=3, data_dir=None).compared == 3
    with pytest.raises(
        UsageError, match=r"first log that the record keeps, 3. Received: --steps=2"
    ):
        verifying.repetition(kept, steps=2, data_dir=None)
    kept.content["beginning"] = []
    with pytest.raises(UsageError, match=r"keeps, of none"):
        verifying.repetition(kept, steps=2, data_dir=None)


def test_the_same_bits_hold_anywhere(kept):
    for machine in (_HERE, {"hardware": "other"}):
        found = verifying.compare(kept, _lines(kept), machine, steps=4)
        # Two values a line, the objective and a learning rate.
        assert (found.equal, found.largest, found.logs, found.holds) == (True, 0, 8, True)


def test_on_the_same_kind_of_machine_a_bit_is_too_much(kept):
    lines = _lines(kept)
    lines[1]["objective"] = math.nextafter(0.5, 1)
    found = verifying.compare(kept, lines, _HERE, steps=4)
    assert found.exact and not found.holds and found.where[:3] == (2, "objective", 0.5)
    for name in _HERE:
        assert verifying.compare(kept, lines, {**_HERE, name: "other"}, steps=4).holds, name
    # Other code on the same machine is what the check is for.
    assert not verifying.compare(kept, lines, {**_HERE, "commit": "other"}, steps=4).holds


@pytest.mark.parametrize(("value", "holds"), [(1.1, True), (1.12, False), (math.nan, False)])
def test_elsewhere_the_band_decides(kept, value, holds):
    # 10 % of 1, and 0.01.
    lines = _lines(kept)
    lines[0]["objective"] = value
    lines[1]["objective"] *= 1.001
    found = verifying.compare(kept, lines, {}, steps=4)
    assert found.holds is holds and not found.exact


def test_a_log_that_is_missing_does_not_hold(kept):
    lines = _lines(kept)
    del lines[0]["objective"]
    assert not verifying.compare(kept, lines, {}, steps=4).holds


def test_nothing_to_compare_is_no_confirmation(kept):
    with pytest.raises(UsageError, match=r"must log what the record has"):
        verifying.compare(kept, [], _HERE, steps=4)


def test_a_record_is_named_with_or_without_its_ending(kept, tmp_path):
    file = record_lib.write(kept, tmp_path)
    assert verifying.read(str(file)).name == verifying.read(str(file)[:-5]).name == kept.name


def test_what_is_shown(kept, capfd):
    lines = _lines(kept)
    lines[0]["objective"] = 1.2
    verifying.show(kept, verifying.compare(kept, lines, {}, steps=4), 4)
    out = capfd.readouterr().out
    assert (
        out.startswith(f"{kept.name}\n")
        and "NO" in out
        and "objective at step 1, 1.0 then, 1.2 now" in out
    )
    assert "another kind" in out


def test_what_comes_after_the_steps_is_not_compared(kept):
    lines = _lines(kept)
    lines[2]["objective"] = 9.0
    assert verifying.compare(kept, lines, _HERE, steps=2).holds
    assert not verifying.compare(kept, lines, _HERE, steps=3).holds
