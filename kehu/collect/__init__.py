"""Ways in: files, their provenance, imports and the quarantine."""

import os

# Batches are small and two of them are worked on at once: more threads would only take turns on the cores.
os.environ.setdefault("POLARS_MAX_THREADS", "1")
