"""Every module has its test beside its name in the mirrored tree: xadv_tf/a/b.py, a/b_test.py."""

import import_reader

ROOT = import_reader.ROOT
# A reason for each module without a test file of its own.
UNTESTED = {
    "flags/robustness.py": "likewise; tests/trainers/attacking/settings_test.py",
    "flags/programs.py": "definitions without rules; the tests of the programs give the flags",
    "flags/tuning.py": "likewise; tests/trainers/tune_test.py",
    # The halves of programs are tested together.
    **{
        f"trainers/work/{program}.py": f"tests/trainers/{program}_test.py, through the program"
        for program in (
            *("benchmark", "evaluate", "explain", "export", "figures", "prepare_data"),
            *("robustness", "train", "tune"),
        )
    },
}


def _modules():
    """The modules but for the packages' faces, which only say what a package shows."""
    return {
        str(path.relative_to(ROOT))
        for top in import_reader.TOPS
        for path in (ROOT / top).rglob("*.py")
        if path.name != "__init__.py"
    }


def _without_tests(modules):
    return {name for name in modules if not (ROOT / "tests" / f"{name[:-3]}_test.py").exists()}


def test_every_module_has_its_test():
    assert len(_modules()) > 100
    assert _without_tests(_modules()) == UNTESTED.keys()


def test_a_module_without_a_test_is_found():
    assert _without_tests({"trainers/train.py", "trainers/new.py"}) == {"trainers/new.py"}
