"""The pages on which a visitor releases a profile from an outside account. They need no script."""
