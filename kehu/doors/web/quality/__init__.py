"""Pages of data quality and verification."""
