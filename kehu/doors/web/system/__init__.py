"""How the system runs: the page for engineers."""
