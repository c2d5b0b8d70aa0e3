"""Pages on which forms are built, looked through, published and closed, and what surveys came to."""
