"""Customers at their own door: one-time codes by mail, and the credential that opens their own data and nothing else.

What this keeps of an address is a keyed token, of a code its HMAC; neither can be read back from the database.
"""
