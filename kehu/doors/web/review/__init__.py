"""Pages of the review queue: what waits, two customers side by side, what answers teach, and the versions of weights."""
