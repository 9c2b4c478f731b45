"""The measurement of explanations: what trainers.explain does."""
