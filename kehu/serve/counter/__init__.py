"""The counter: people are taken down where they stand, and say on their own side of the screen what they allow."""
