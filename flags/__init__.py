"""Definitions of the command line flags, by group, and the flagfiles of the experiments."""
