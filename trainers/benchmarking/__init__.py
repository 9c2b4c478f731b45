"""Measurements of speed: steps, experiments, the machine's peak."""
