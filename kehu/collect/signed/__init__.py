"""Channels whose sender signs what it posts: the shared secret (``secrets``), the way in (``answering``), reading (``parts``)."""
