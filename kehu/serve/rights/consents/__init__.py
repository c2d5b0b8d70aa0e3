"""What people allow, refuse and take back: said, proved, counted and receipted."""
