"""Forms: what may be asked, in versions; what visitors send by them; what waits until a mailbox or a guardian confirms."""
