"""Imports: files of records, cleaned, resolved by exact keys and sealed, chunk by chunk."""
