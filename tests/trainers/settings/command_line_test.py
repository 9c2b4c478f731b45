import itertools

import pytest
from absl import flags as absl_flags

from trainers.errors import UsageError
from trainers.settings import command_line, experiment


@pytest.fixture
def values():
    flags = absl_flags.FlagValues()
    absl_flags.DEFINE_integer("seed", 1, "", lower_bound=0, flag_values=flags)
    absl_flags.DEFINE_float("rate", 0.5, "", flag_values=flags)
    absl_flags.DEFINE_boolean("flip", False, "", flag_values=flags)
    absl_flags.DEFINE_enum("norm", "l2", ["l2", "linf"], "", flag_values=flags)
    absl_flags.DEFINE_multi_string("search", [], "", flag_values=flags)
    absl_flags.register_validator(
        "rate", lambda rate: rate > 0, "must be above 0", flag_values=flags
    )
    return flags


@pytest.fixture
def write(tmp_path):
    def write(name, *lines):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join(lines) + "\n")
        return f"--flagfile={file}"

    return write


def test_defaults_flagfile_command_line_in_every_order(values, write):
    arguments = ["--seed=3", write("a.flags", "--seed=2", "--rate=0.25"), "--flip"]
    for order in itertools.permutations(arguments):
        values.unparse_flags()
        assert command_line.parse(values, order) == []
        assert (values.seed, values.rate, values.flip, values.norm) == (3, 0.25, True, "l2")


def test_the_file_may_be_a_separate_argument(values, write):
    _, file = write("a.flags", "--seed=2").split("=")
    command_line.parse(values, ["--seed", "3", "--flagfile", file])
    assert values.seed == 3


def test_the_later_of_two_files_wins(values, write):
    one, other = write("a.flags", "--seed=2", "--flip"), write("b.flags", "--seed=3")
    command_line.parse(values, [one, other])
    assert values.seed == 3 and values.flip


def test_an_including_file_wins_over_what_it_includes(values, write, tmp_path, monkeypatch):
    write("common/base.flags", "--seed=2", "--rate=0.25", "--flagfile=norm.flags")
    write("common/norm.flags", "--norm=linf", "--rate=0.125")
    file = write("a.flags", "--seed=4", "--flagfile=common/base.flags")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")  # Includes are found relative to their file.
    command_line.parse(values, [file])
    assert (values.seed, values.rate, values.norm) == (4, 0.25, "linf")


@pytest.mark.parametrize(
    "lines",
    [
        ("--rate=1e-3", "--rate=0.001"),
        ("--flip", "--flip=true"),
        ("--noflip", "--flip=false"),
        ("--search=a", "--search=b"),
        ("// a comment", "  # another", "", "--seed=1"),
    ],
    ids=str,
)
def test_lines_that_agree(values, write, lines):
    assert command_line.parse(values, [write("a.flags", *lines)]) == []


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ("--seed=1", "--rate=1", "--seed=2"),
            r"set --seed to two values\. Received: --seed=1 .*line 1\) and --seed=2 .*line 3\)",
        ),
        (("--flip", "--noflip"), r"set --flip to two values"),
        (("", "--rat=3"), r"no flag --rat; did you mean --rate\? Received: --rat=3 \(.*line 2\)"),
        (("--zzzzzzzz=3",), r"no flag --zzzzzzzz\. Received: --zzzzzzzz=3"),
        (("--rate=-1",), r"--rate must be above 0\. Received: --rate=-1\.0 \(.*line 1\)"),
        (("--seed=-1",), r"--seed must be a non-negative integer\. Received: --seed=-1 \("),
        (("--norm=l3",), r"--norm must be one of <l2\|linf>\. Received: --norm=l3"),
        (("--seed",), r"Missing value for flag --seed"),
        (("seed=3",), r"a line of a flagfile must be .*Received: seed=3 \(.*line 1\)"),
        (("--seed 3",), r"a line of a flagfile must be .*Received: --seed 3 \("),
        (("--flagfile=none.flags",), r"can be read\. Received: none.flags \(No such file"),
        (("--flagfile=a.flags",), r"must not include itself\. Received: --flagfile=a.flags"),
    ],
    ids=str,
)
def test_mistakes_in_a_file_cost_one_sentence(values, write, lines, message):
    with pytest.raises(UsageError, match=message) as caught:
        command_line.parse(values, [write("a.flags", *lines)])
    assert "\n" not in str(caught.value)


def test_what_the_command_line_mends_is_no_mistake_of_the_file(values, write):
    file = write("a.flags", "--rate=-1")
    command_line.parse(values, [file, "--rate=2"])
    assert values.rate == 2.0


def test_a_mistake_on_the_command_line_names_no_file(values, write):
    file = write("a.flags", "--rate=1")
    with pytest.raises(UsageError, match=r"Received: --rate=-2\.0$"):
        command_line.parse(values, ["--rate=-2", file])


@pytest.mark.parametrize("arguments", [["--flagfile"], ["--flagfile="], ["--flagfile=."]])
def test_a_flagfile_must_be_a_file(values, arguments):
    with pytest.raises(UsageError, match="--flagfile must name a file of flags"):
        command_line.parse(values, arguments)


def test_a_flagfile_must_be_text(values, tmp_path):
    (tmp_path / "a.flags").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError, match="it is no UTF-8 text"):
        command_line.parse(values, [f"--flagfile={tmp_path}/a.flags"])


@pytest.mark.parametrize("name", ["digits/vat", "digits/vat.flags"])
def test_an_experiment_is_found_from_any_folder(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert experiment.parse([f"--experiment={name}", "--seed=3"]).method == "vat"
    written = "flags/experiments/digits/vat.flags"
    for argument in (f"--experiment={written}", f"--flagfile={written}"):
        assert experiment.parse([argument]).method == "vat"
    # A file is that file.
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "vat.flags").write_text("--method=mle\n")
    values = experiment.parse(["--experiment", name, "--seed=3"])
    assert (values.method, values.seed) == ("mle", 3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digits/none", "digits has mle, random_mask, vat, .* --experiment=digits/none$"),
        ("none", "there are ablations, cifar10_cnn, digits, .* Received: --experiment=none$"),
        ("digits", "digits has mle"),
        ("", "a file of flags. Received: nothing"),
        (300 * "x", "there are ablations"),
    ],
)
def test_no_experiment_is_a_usage_error(name, message):
    with pytest.raises(UsageError, match=f"^--experiment must name .*{message}"):
        experiment.parse([f"--experiment={name}"])


def test_a_byte_order_mark_is_no_part_of_the_first_flag(values, tmp_path):
    (tmp_path / "a.flags").write_bytes(b"\xef\xbb\xbf--seed=4\r\n--rate=0.25\r\n")
    command_line.parse(values, [f"--flagfile={tmp_path}/a.flags"])
    assert (values.seed, values.rate) == (4, 0.25)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("--seed=3  # of splits", "be without ' #'"),
        ("--search=a #b", "be without ' #'"),
        ("--norm='l2'", "be without quotes"),
        ('--rate="0.5"', "be without quotes"),
    ],
)
def test_what_a_shell_would_take_away_is_refused_in_a_flagfile(values, write, line, what):
    with pytest.raises(UsageError, match=rf"^--\w+ must {what}.* Received: .*a\.flags, line 2\)$"):
        command_line.parse(values, [write("a.flags", "# a comment", line)])


def test_every_text_is_looked_at_where_it_comes_from(values, write):
    for argument in ("--search=gs://a", write("a.flags", "--seed=3", "--search=gs://a")):
        with pytest.raises(UsageError, match=r"^--search must be on this machine.*=gs://a") as e:
            command_line.parse(values, [argument])
    assert str(e.value).endswith("a.flags, line 2)")
