"""What customers do with their own information: come in, see it, allow or stop uses, ask for a right."""
