"""BUILD stays in step with the tree, and both with what is installed."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
BUILD = (ROOT / "BUILD").read_text()
PROJECT = (ROOT / "pyproject.toml").read_text()
LOCK = (ROOT / "requirements_lock.txt").read_text()


def _glob(include, exclude=()):
    found, left_out = (
        {str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern)}
        for patterns in (include, exclude)
    )
    return sorted(name for name in found - left_out if (ROOT / name).is_file())


@pytest.fixture(scope="module")
def targets():
    """{kind: its targets' arguments}: BUILD's language is a part of Python's."""
    made = {"py_library": [], "py_binary": [], "py_test": []}
    names = {kind: lambda kind=kind, **rule: made[kind].append(rule) for kind in made}
    nothing = {"load": lambda *_: None, "package": lambda **_: None}
    exec(  # noqa: S102 (our own file)
        compile(BUILD, "BUILD", "exec"),
        {**names, **nothing, "glob": _glob, "requirement": "@{}".format},
    )
    return made


def _sources(rules):
    return {source for rule in rules for source in rule.get("srcs", [])}


def _canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_source_file_belongs_to_a_target(targets):
    files = set(_glob(f"{folder}/**/*.py" for folder in ("xadv_tf", "trainers", "flags", "tests")))
    assert len(files) > 100
    assert _sources(sum(targets.values(), [])) == files


def test_every_test_file_is_a_test_of_its_own(targets):
    for rule in targets["py_test"]:
        assert rule["args"] == [f"$(location {rule['name']}.py)"]
    names = {f"{rule['name']}.py" for rule in targets["py_test"]}
    assert names == set(_glob(["tests/**/*_test.py"]))


def test_only_files_of_slow_tests_alone_are_left_out(targets):
    manual = {f"{rule['name']}.py" for rule in targets["py_test"] if "manual" in rule["tags"]}
    slow = {
        name
        for name in _glob(["tests/**/*_test.py"])
        if re.search(r"^pytestmark = pytest\.mark\.slow$", (ROOT / name).read_text(), re.M)
    }
    assert manual == slow


def test_every_program_is_a_binary(targets):
    programs = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "trainers").rglob("*.py")
        if 'if __name__ == "__main__":' in path.read_text()
    }
    assert {rule["main"] for rule in targets["py_binary"]} == programs


def test_libraries_name_only_targets_that_exist(targets):
    rules = sum(targets.values(), [])
    names = {f":{rule['name']}" for rule in rules}
    used = {dep for rule in rules for dep in rule.get("deps", [])}
    assert {dep for dep in used if not dep.startswith("@")} <= names


def test_outside_packages_are_declared_and_locked(targets):
    used = {dep[1:] for rule in targets["py_library"] for dep in rule["deps"] if dep[0] == "@"}
    declared = {_canonical(name) for name in re.findall(r'"([\w-]+)(?:\[\S+\])?>=', PROJECT)}
    locked = {_canonical(name) for name in re.findall(r"^([\w.-]+)==", LOCK, re.MULTILINE)}
    assert {_canonical(name) for name in used} <= declared & locked
    # All that the CPU user and the tests get: what builds, and what looks at profiles, is not.
    assert declared - locked <= {"tensorflow", "setuptools", "tensorboard-plugin-profile"}
