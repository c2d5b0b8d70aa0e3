"""Pages on who may ask: one's own conditions, who lapses next, grants, and what each role may open."""
