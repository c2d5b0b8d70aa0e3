"""The page of classification: what was found in free text, and what is decided on it."""
