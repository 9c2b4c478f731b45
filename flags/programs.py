"""Flags of the programs that work on whole runs: trainers.reproduce, .figures and .export."""

from absl import flags

flags.DEFINE_string("table", None, "Folder of flags/experiments whose runs are to be made.")
flags.DEFINE_string("additive_workdir", None, "Directory of a run of vat or at to show beside it.")
flags.DEFINE_string("output", None, "Where the result goes: a picture's file, a model's directory.")
