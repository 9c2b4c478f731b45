import pytest

from trainers.errors import UsageError
from trainers.settings import experiment as experiment_lib
from trainers.settings import run_flags

_FLAGS = ("--method=vat", "--epsilon=2")


def _text(*arguments):
    return experiment_lib.to_flagfile(experiment_lib.parse([*arguments, "--workdir=w"]))


@pytest.fixture
def config(tmp_path):
    (tmp_path / "config.flags").write_text("# commit: abc\n" + _text(*_FLAGS))
    return tmp_path / "config.flags"


def test_the_same_flags_go_on(config):
    run_flags.refuse_changed(config.parent, _text(*_FLAGS))
    # Of the call and not of the run:
    run_flags.refuse_changed(config.parent, _text(*_FLAGS, "--quiet", "--notest", "--stop_at=500"))
    # Of the place where its data lie today:
    run_flags.refuse_changed(config.parent, _text(*_FLAGS, "--data_dir=moved", "--download"))


def test_flags_that_came_later_count_at_their_defaults(config):
    text = config.read_text()
    config.write_text(text.replace("--decay_rate=0.95\n", ""))
    assert config.read_text() != text
    run_flags.refuse_changed(config.parent, _text(*_FLAGS))
    with pytest.raises(UsageError, match="there --decay_rate=0.95, received --decay_rate=0.5\n"):
        run_flags.refuse_changed(
            config.parent, _text(*_FLAGS, "--decay_rate=0.5", "--schedule=exponential")
        )


def test_every_difference_is_a_line(config):
    other = ["--method=vat", "--learning_rate=0.1", "--nobalanced", "--ema_decay=0.9"]
    with pytest.raises(UsageError) as caught:
        run_flags.refuse_changed(config.parent, _text(*other))
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


def test_the_file_gives_the_flags_back(tmp_path):
    text = run_flags.text(_text(*_FLAGS), {"commit": "abc"})
    assert text.startswith("# commit: abc\n# number of flags: ")
    (tmp_path / "config.flags").write_text(text)
    values = run_flags.read(tmp_path)
    assert (values.method, values.epsilon, values.workdir) == ("vat", 2.0, str(tmp_path))


def _damaged(kind):
    text = run_flags.text(_text(*_FLAGS, "--xi=0.5"), {"commit": "abc"})
    return {
        "empty": b"",
        "cut in a line": text[: text.index("--seed") + 4].encode(),
        "cut after a line": text[: text.index("--seed")].encode(),
        "cut by its last line": text[: text.index("--xi")].encode(),
        "cut by its last line, without a count": _text(*_FLAGS)[:-5].encode(),
        "no text": b"\xff\xfe" + text.encode(),
        "json": b"[]\n",
        "zeros": bytes(100),
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        *("empty", "cut in a line", "cut after a line", "cut by its last line"),
        *("cut by its last line, without a count", "no text", "json", "zeros"),
    ],
)
def test_a_damaged_file_is_named_where_it_is_read_and_made_anew_where_it_is_not(tmp_path, kind):
    (tmp_path / "config.flags").write_bytes(_damaged(kind))
    assert not run_flags.is_sound(tmp_path)
    with pytest.raises(run_flags.DamagedError, match=r"config\.flags is damaged \(.*anew$"):
        run_flags.read(tmp_path)
    with pytest.warns(UserWarning, match=r"config\.flags is damaged .* is written anew"):
        run_flags.refuse_changed(tmp_path, _text(*_FLAGS))
