"""Lists of customers that leave the house for a named recipient; see README.md."""
