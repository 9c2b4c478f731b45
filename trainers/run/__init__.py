"""One run's life: built, trained, saved, resumed, read back."""
