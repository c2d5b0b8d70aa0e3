"""Evidence for people outside the gate: what passed it, and that nobody touched the record."""
