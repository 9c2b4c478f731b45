import pytest

from trainers.run import progress
from trainers.run.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A list whose last entry is the time in seconds."""
    times = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: times[-1])
    return times


def _update(shown, step):
    shown.update(step, {"cross_entropy": 0.25}, 0.5)


def test_where_there_is_no_terminal_a_line_comes_every_ten_seconds_and_at_the_end(clock, capsys):
    with Progress("VAT", 100, quiet=False) as shown:
        for step, seconds in ((1, 0.0), (2, 9.0), (3, 11.0), (4, 12.0), (100, 13.0)):
            clock.append(1000.0 + seconds)
            _update(shown, step)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "VAT: compiling the step ..."
    assert [line.split()[1] for line in lines[1:]] == ["1/100", "3/100", "100/100"]


def test_quiet_is_quiet(capsys):
    with Progress("VAT", 2, quiet=True) as shown:
        _update(shown, 1)
        _update(shown, 2)
    assert capsys.readouterr() == ("", "")


def test_the_line_has_what_was_logged_and_the_time_left(capsys):
    logs = {"cross_entropy": 0.1234, "adversarial_cross_entropy": 2.0, "l0": 7.0}
    with Progress("xAT-I", 100, quiet=False) as shown:
        shown.update(40, {**logs, "accuracy": 0.5, "validation_accuracy": 0.75}, 1.25)
    line = capsys.readouterr().out.splitlines()[-1]
    # 60 steps of 1.25 s are 75 s.
    assert line == "xAT-I: 40/100 CE 0.123 D 2.000 val 0.750 acc 0.50 1250 ms/step 1:15 left"


def test_while_it_compiles_there_is_no_pace(capsys):
    with Progress("MLE", 9, quiet=False) as shown:
        shown.update(1, {"cross_entropy": 1.0}, None)
    assert capsys.readouterr().out.splitlines()[-1] == "MLE: 1/9 CE 1.000"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3661, "1:01:01")]
)
def test_times_are_written_as_on_a_clock(seconds, text):
    assert progress._clock(seconds) == text
