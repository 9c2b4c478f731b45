"""Runs the test file it is given, for Bazel: its py_test runs a file, and ours are pytest's."""

import sys

import pytest

if __name__ == "__main__":
    arguments = ["-p", "no:cacheprovider", *sys.argv[1:]]
    code = pytest.main(arguments)
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:  # All are slow, and asked for by name.
        code = pytest.main([*arguments, "-m", "slow"])
    sys.exit(code)
