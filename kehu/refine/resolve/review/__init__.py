"""Questions to people: what waits, what is worth asking, what they say and what follows from it."""
