"""A py_test for each test file of a folder, run by pytest."""

load("@rules_python//python:defs.bzl", "py_test")

def pytest_tests(deps = [], own_deps = {}, data = [], eternal = [], manual = []):
    """Declares the tests of a folder, named like their files.

    Args:
        deps: what the folder's tests import.
        own_deps: what single tests import besides, by their names.
        data: files that all of them read.
        eternal: names of tests that may take longer than the others.
        manual: names of tests that //... leaves out.
    """
    for test in native.glob(["*_test.py"]):
        name = test[:-len(".py")]
        py_test(
            name = name,
            timeout = "eternal" if name in eternal else "long",
            srcs = [
                test,
                "//tests:run_pytest.py",
            ],
            args = ["$(location {})".format(test)],
            data = data,
            main = "//tests:run_pytest.py",
            tags = ["manual"] if name in manual else [],
            # Folders without __init__.py stay without: what is not declared is not there.
            legacy_create_init = 0,
            deps = ["//tests:conftest"] + deps + own_deps.get(name, []),
        )
