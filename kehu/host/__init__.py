"""What Kehu runs on: home, keyring, embedded PostgreSQL, settings, supervisor. Knows nothing of customers."""
