"""The web: server-rendered pages over the actions and queries below; no rule lives here."""
