"""Pages of traits: the catalogue, one trait, the form that declares one, the RFM matrix, and what was derived of somebody."""
