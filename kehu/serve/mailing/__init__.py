"""Letters: who wants which, how they stop them, and addresses that must not be written to."""
