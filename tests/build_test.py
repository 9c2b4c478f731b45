"""The BUILD files stay in step with the tree and its imports, and both with what is installed."""

import graphlib
import pathlib
import re

import build_reader
import import_reader
import pytest

ROOT = build_reader.ROOT
PROJECT = (ROOT / "pyproject.toml").read_text()
LOCK = (ROOT / "requirements_lock.txt").read_text()


def _files(pattern):
    tops = (*import_reader.TOPS, "tests")
    return {str(path.relative_to(ROOT)) for top in tops for path in (ROOT / top).rglob(pattern)}


@pytest.fixture(scope="module")
def targets():
    return build_reader.read()


def _of_kind(targets, *kinds):
    return [target for target in targets.values() if target.kind in kinds]


def _tests(targets):
    """The targets that run pytest, by package."""
    found = {}
    for target in _of_kind(targets, "py_test"):
        if build_reader.MAIN in target.srcs:
            found.setdefault(target.package, []).append(target)
    return found


def _canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def _declared_wrongly(targets):
    """Sentences on every target whose deps are not what its sources import."""
    owner = build_reader.owners(targets)
    wrong = []

    def compare(label, declared, needed):
        wrong.extend(f"{label} lacks {dep}" for dep in sorted(needed - declared))
        wrong.extend(f"{label} does not need {dep}" for dep in sorted(declared - needed))

    for target in _of_kind(targets, "py_library", "py_binary"):
        if target.srcs and owner[target.srcs[0]] != target.label:  # A library's own program.
            compare(target.label, target.deps, {owner[target.srcs[0]]})
        elif target.srcs:
            compare(target.label, target.deps, build_reader.needs(target, owner))
    for package, tests in _tests(targets).items():
        needs = {test.label: build_reader.needs(test, owner) for test in tests}
        shared = set.intersection(*(test.deps for test in tests))
        for test in tests:
            compare(test.label, test.deps - (shared - needs[test.label]), needs[test.label])
        compare(f"//{package}:*_test", shared, shared & set.union(*needs.values()))
    return wrong


def test_every_folder_has_a_build_file():
    folders = {str(pathlib.PurePath(file).parent) for file in _files("*.py")}
    assert len(folders) > 20
    assert set(build_reader.packages()) == folders | {""}


def test_every_source_file_belongs_to_a_target(targets):
    rules = _of_kind(targets, "py_library", "py_binary", "py_test")
    assert {source for rule in rules for source in rule.srcs} == _files("*.py")


def test_every_test_file_is_a_test_of_its_own(targets):
    tests = [test for tests in _tests(targets).values() for test in tests]
    for test in tests:
        name = test.label.rpartition(":")[2]
        assert test.srcs == [f"{test.package}/{name}.py", build_reader.MAIN]
        assert test.rule["args"] == [f"$(location {name}.py)"]
        assert test.rule["main"] == build_reader.label_of("run_pytest.py", "tests")
    assert {test.srcs[0] for test in tests} == _files("*_test.py")


def test_only_files_of_slow_tests_alone_are_left_out(targets):
    tests = [test for tests in _tests(targets).values() for test in tests]
    manual = {test.srcs[0] for test in tests if "manual" in test.rule["tags"]}
    left_out = {
        name
        for name in _files("*_test.py")
        if re.search(r"^pytestmark = pytest\.mark\.(slow|gpu)$", (ROOT / name).read_text(), re.M)
    }
    assert manual == left_out


def test_every_program_is_a_binary(targets):
    programs = {
        path
        for path in _files("*.py")
        if path.startswith("trainers/")
        and 'if __name__ == "__main__":' in (ROOT / path).read_text()
    }
    assert len(programs) > 5
    assert {path for rule in _of_kind(targets, "py_binary") for path in rule.srcs} == programs


def test_targets_depend_on_what_their_sources_import(targets):
    assert _declared_wrongly(targets) == []


@pytest.mark.parametrize(
    ("label", "dep"),
    [
        ("//xadv_tf/methods:methods", "//xadv_tf/layers:layers"),
        ("//xadv_tf/methods:methods", "//:pypi_tensorflow-cpu"),
        # Nothing of xadv_tf/*.py is imported there, but its __init__.py runs first.
        ("//xadv_tf/optimizers:optimizers", "//xadv_tf:xadv_tf"),
        ("//xadv_tf/data:data", "//:pypi_mlxtend"),
        # Only started, by name.
        ("//trainers:reproduce", "//trainers:train"),
        ("//tests/xadv_tf/methods:vat_test", "//tests:conftest"),
        ("//tests/trainers:streaming_test", "//tests/trainers:conftest"),
        ("//tests/trainers:train_test", "//trainers:train"),
    ],
)
def test_a_forgotten_dependency_is_found(label, dep, targets):
    targets = targets | {label: _with_deps(targets[label], targets[label].deps - {dep})}
    assert f"{label} lacks {dep}" in _declared_wrongly(targets)


@pytest.mark.parametrize(
    ("label", "dep"),
    [
        ("//xadv_tf/layers:layers", "//xadv_tf/models:models"),
        ("//trainers:train", "//trainers/tuning:tuning"),
        ("//tests/xadv_tf/layers:gradient_reversal_test", "//xadv_tf/models:models"),
    ],
)
def test_a_dependency_too_many_is_found(label, dep, targets):
    targets = targets | {label: _with_deps(targets[label], targets[label].deps | {dep})}
    assert f"{label} does not need {dep}" in _declared_wrongly(targets)


def _with_deps(target, deps):
    return build_reader.Target(**{**vars(target), "deps": deps})


def test_a_dependency_that_no_test_of_a_folder_needs_is_found(targets):
    tests = _tests(targets)["tests/xadv_tf/layers"]
    added = {test.label: _with_deps(test, test.deps | {"//flags:flags"}) for test in tests}
    sentence = "//tests/xadv_tf/layers:*_test does not need //flags:flags"
    assert sentence in _declared_wrongly(targets | added)


def test_every_library_is_imported_alone(targets):
    alone = [target for target in targets.values() if target.srcs == [build_reader.ALONE]]
    for target in alone:
        (library,) = target.deps
        name = library if f"//{target.rule['args'][0]}" == library else library.rpartition(":")[0]
        assert target.rule["args"] == [name[2:]]
    libraries = {
        target.label
        for target in _of_kind(targets, "py_library")
        if target.package.split("/")[0] in import_reader.TOPS
    }
    assert {dep for target in alone for dep in target.deps} == libraries


def test_tests_of_the_whole_tree_see_all_of_it(targets):
    seen = targets["//tests:build_test"].data
    assert {label for label in seen if label.endswith(":sources")} == {
        f"//{package}:sources" for package in build_reader.packages() if package
    }


def test_labels_name_only_targets_that_exist(targets):
    used = {dep for target in targets.values() for dep in target.deps}
    assert {dep for dep in used if not dep.startswith("@")} <= set(targets)


def test_no_targets_depend_on_each_other_in_a_circle(targets):
    graph = {label: target.deps for label, target in targets.items()}
    graphlib.TopologicalSorter(graph).prepare()  # Raises CycleError with the circle.


def test_outside_packages_are_declared_and_locked(targets):
    used = {dep[1:] for target in targets.values() for dep in target.deps if dep[0] == "@"}
    declared = {_canonical(name) for name in re.findall(r'"([\w-]+)(?:\[\S+\])?>=', PROJECT)}
    locked = {_canonical(name) for name in re.findall(r"^([\w.-]+)==", LOCK, re.MULTILINE)}
    assert {_canonical(name) for name in used} <= declared & locked
    # All that the CPU user and the tests get: what builds, looks at profiles or is only compared
    # with is not.
    extra = {"tensorboard-plugin-profile", "adversarial-robustness-toolbox", "foolbox"}
    assert declared - locked <= {"tensorflow", "setuptools"} | extra


def test_the_library_ships_its_types(targets):
    # PEP 561: without this file a type checker takes nothing from the installed package.
    assert (ROOT / "xadv_tf" / "py.typed").read_bytes() == b""
    assert "//xadv_tf:py.typed" in targets["//xadv_tf:xadv_tf"].data
    assert re.search(r'^xadv_tf = \["py\.typed"\]$', PROJECT, re.MULTILINE)
