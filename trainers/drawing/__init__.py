"""What the figures show: numbers read from runs, or from short trainings made for the picture."""
