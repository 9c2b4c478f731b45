"""Runs the test files it is given, for Bazel: its py_test runs a file, and ours are pytest's."""

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(["-p", "no:cacheprovider", *sys.argv[1:]]))
