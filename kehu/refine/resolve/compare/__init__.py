"""Two records beside each other: what is folded, asked and weighed of them, and what bars them. Pure; no database."""
