"""Flags of the programs other than trainers.train: .reproduce, .figures, .export, .prepare_data."""

from absl import flags

flags.DEFINE_string("table", None, "Folder of flags/experiments whose runs are to be made.")
flags.DEFINE_string("additive_workdir", None, "Directory of a run of vat or at to show beside it.")
flags.DEFINE_string("output", None, "Where the result goes: a picture's file, a model's directory.")
flags.DEFINE_string("raw_dir", None, "Folder of the published files for trainers.prepare_data.")
