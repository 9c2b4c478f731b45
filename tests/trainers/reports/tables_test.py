import importlib
import re

from trainers.reports import tables


def test_what_to_type_next_exists(capsys):
    tables.print_next_commands("runs/my run")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "TensorBoard logs: runs/my run/train and runs/my run/eval"
    assert lines[1].startswith("Next: ") and lines[1].endswith("'--logdir=runs/my run'")
    programs = [re.search(r"python\S* -m (trainers\.\w+) (.*)", line) for line in lines[2:]]
    assert [found.groups() for found in programs] == [
        ("trainers.evaluate", "--workdir='runs/my run'"),
        ("trainers.export", "--workdir='runs/my run' --output='runs/my run/saved_model'"),
    ]
    for found in programs:
        assert callable(importlib.import_module(found[1]).main)
