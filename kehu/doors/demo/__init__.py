"""The demonstration company: openly made-up people, and public data sets out of wheels."""
