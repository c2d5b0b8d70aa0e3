"""Quarantine: rows that could not come in, why, and what to do about it; and values kept as given though invalid."""
