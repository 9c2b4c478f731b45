"""Programs: training, evaluation, benchmarks, and what they share."""
