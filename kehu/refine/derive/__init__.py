"""Traits: what is derived of customers, declared as data, kept beside the vault; see README.md."""
