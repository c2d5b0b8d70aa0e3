"""The right to erasure: planned, held back, carried out, and what stays for how long."""
