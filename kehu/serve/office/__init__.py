"""What the offices look at: which role may open what, as the policies answer it."""
