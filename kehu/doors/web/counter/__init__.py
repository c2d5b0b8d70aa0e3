"""Pages of the counter: people found and taken down where they stand, and their own side of the screen."""
