"""Keeping what is known up to date: verification, and what says that a contact point no longer works."""
