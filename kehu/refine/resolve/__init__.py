"""Identity resolution: which records are one person or organisation. Pure functions over Arrow tables."""
