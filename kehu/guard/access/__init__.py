"""Who may ask, and on what conditions: agreement, training, the notice of watching, grants and their review."""
