"""Data quality: rules, what they find, and scores over time."""
