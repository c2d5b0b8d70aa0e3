"""Pages on corrections: of one customer, and whom to tell."""
