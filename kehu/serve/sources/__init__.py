"""Sources of data that is not the customer's own: what they are worth, and telling people of them."""
