"""The right to a copy: everything on one person, nobody else's, sealed to them."""
