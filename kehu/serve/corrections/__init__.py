"""Values corrected by the house, and the recipients of the wrong ones told of it."""
