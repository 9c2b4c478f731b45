import pytest

from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib
from trainers.settings.changed_flags import refuse_changed_flags

_FLAGS = ("--method=vat", "--epsilon=2")


def _text(*arguments):
    return experiment_lib.to_flagfile(experiment_lib.parse([*arguments, "--workdir=w"]))


@pytest.fixture
def config(tmp_path):
    (tmp_path / "config.flags").write_text("# commit: abc\n" + _text(*_FLAGS))
    return tmp_path / "config.flags"


def test_the_same_flags_go_on(config):
    refuse_changed_flags(config, _text(*_FLAGS))
    # Of the call and not of the run:
    refuse_changed_flags(config, _text(*_FLAGS, "--quiet", "--notest", "--stop_at=500"))


def test_flags_that_came_later_count_at_their_defaults(config):
    text = config.read_text()
    config.write_text(text.replace("--decay_rate=0.95\n", ""))
    assert config.read_text() != text
    refuse_changed_flags(config, _text(*_FLAGS))
    with pytest.raises(UsageError, match="there --decay_rate=0.95, received --decay_rate=0.5\n"):
        refuse_changed_flags(config, _text(*_FLAGS, "--decay_rate=0.5", "--schedule=exponential"))


def test_every_difference_is_a_line(config):
    other = ["--method=vat", "--learning_rate=0.1", "--nobalanced", "--ema_decay=0.9"]
    with pytest.raises(UsageError) as caught:
        refuse_changed_flags(config, _text(*other))
    first, *lines = str(caught.value).split("\n")
    assert first == (
        "--workdir holds a run with other flags; choose another directory. "
        f"Received: --workdir={config.parent}"
    )
    assert lines == [
        "  there --balanced, received --nobalanced",
        "  there no --ema_decay, received --ema_decay=0.9",
        "  there --epsilon=2.0, received none",
        "  there --learning_rate=0.001, received --learning_rate=0.1",
    ]
