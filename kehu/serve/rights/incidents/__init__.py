"""What went wrong, whom it reached, and when it must be reported."""
