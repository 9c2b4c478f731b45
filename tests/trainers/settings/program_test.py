import os
import pathlib
import subprocess
import sys

import pytest

from trainers import evaluate, export, train
from trainers.settings import program

_GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"
_ROOT = pathlib.Path(program.__file__).parents[2]
# A program that loads nothing heavy and does what all of them do.
_PROGRAM = '''"""Counts to the seed."""
from trainers.settings import experiment
from trainers.settings import program

def main(argv):
    print(experiment.program_flags("seed"), argv[1:])
    return 3

program.run(main, ["seed", "schedule"])
'''


def _run(*arguments):
    return subprocess.run(  # noqa: S603 (this interpreter and the code above)
        [sys.executable, "-c", _PROGRAM, *arguments], cwd=_ROOT, capture_output=True, text=True
    )


def test_the_exit_status_is_what_main_returns(tmp_path):
    (tmp_path / "a.flags").write_text("--seed=7\n")
    ended = _run("--seed=5", f"--flagfile={tmp_path}/a.flags", "word")
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "[5] ['word']\n", "")


@pytest.mark.parametrize("argument", ["--sed=3", "--seed=x", "--flagfile=/nowhere", "--seed"])
def test_mistakes_end_with_2_and_one_sentence(argument):
    ended = _run(argument)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: ") and ended.stderr.count("\n") == 1


# Before TensorFlow is there to take all of it.
@pytest.mark.parametrize(("given", "expected"), [({}, "true"), ({_GROWTH: "false"}, "false")])
def test_a_gpus_memory_is_taken_as_needed_unless_told_otherwise(given, expected):
    told = {name: value for name, value in os.environ.items() if name != _GROWTH} | given
    shown = _PROGRAM.replace("argv[1:]", f'__import__("os").environ["{_GROWTH}"]')
    ended = subprocess.run(  # noqa: S603 (as above)
        [sys.executable, "-c", shown], cwd=_ROOT, env=told, capture_output=True, text=True
    )
    assert ended.stdout == f"[1] {expected}\n"


@pytest.mark.parametrize("argument", ["--help", "-h", "--helpshort"])
def test_help_shows_the_flags_that_the_program_takes(argument):
    ended = _run(argument)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Counts to the seed.")
    assert "--seed" in ended.stdout and "--workdir" not in ended.stdout


def test_help_reads_well_at_80_columns():
    text = program.help_text(train.__doc__)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert text.startswith("Trains one experiment")
    assert any(line.startswith("Flags of training: ") for line in lines)
    assert "  --seed                   Seed of splits, weights, batches and noise. [1]" in lines
    shown = " ".join(text.split())
    assert "--[no]flip Augment by random horizontal flips. [false]" in shown
    assert "--jit auto, on, off: Compile each step with XLA; auto: on a GPU," in shown


@pytest.mark.parametrize("module", [evaluate, export])
def test_programs_that_read_runs_show_their_own_flags_only(module):
    text = program.help_text(module.__doc__, module._FLAGS)
    assert max(map(len, text.splitlines())) <= 80
    assert "--workdir" in text and "--seed" not in text


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "num_labeled must be a multiple of n=10 unless balanced=False. "
            "Received: num_labeled=105",
            "--num_labeled must be a multiple of n=10 unless --balanced=False. "
            "Received: --num_labeled=105",
        ),
        (
            "scaling must be one of unit. Received: 'x'",
            "--scaling must be one of unit. Received: 'x'",
        ),
        # What is a flag already, no flag, or a word of the sentence stays as it is.
        ("--seed must be 1. Received: --seed=2", "--seed must be 1. Received: --seed=2"),
        ("The data of the method must differ", "The data of the method must differ"),
        ("a file x.seed=1 must go", "a file x.seed=1 must go"),
    ],
)
def test_arguments_of_the_library_are_called_by_their_flags(message, expected):
    assert program.in_flags(message) == expected


def test_a_mistake_is_one_sentence_and_the_status_of_mistakes(capsys):
    assert program.mistake(ValueError("dataset must be there. Received: dataset=x")) == 2
    assert capsys.readouterr().err == "error: --dataset must be there. Received: --dataset=x\n"


def test_a_warning_is_one_line_without_our_source_and_said_once():
    code = _PROGRAM.replace(
        "return 3",
        "import warnings; warnings.simplefilter('always'); "
        "[warnings.warn('3 files are skipped') for _ in range(2)]",
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True)  # noqa: S603
    assert done.stderr == "warning: 3 files are skipped\n"
