"""Searches: what is tried, by whom, and what came of it."""
