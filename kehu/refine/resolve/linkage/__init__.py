"""Many records in memory: candidate pairs, their weights, groups; by DuckDB or on Spark. Pure; no database."""
