"""From a command line to one frozen Experiment."""
