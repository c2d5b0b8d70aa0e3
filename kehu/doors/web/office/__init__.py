"""Pages of the privacy and legal offices: requests, incidents, what authorities demand, uses kept from a log for a time."""
