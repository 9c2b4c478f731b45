"""What trainers.robustness measures and shows."""
