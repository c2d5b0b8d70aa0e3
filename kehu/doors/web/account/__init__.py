"""Pages on one's own account: the second factor, recovery codes, passkeys, and where one is signed in."""
