"""The customers' door: what we hold, what you allow, who looked, your rights; and the notices, open to everybody."""
