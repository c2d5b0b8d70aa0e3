"""One true profile per customer: cleaning, search keys, linkage."""

import os

# Batches are small and two of them are worked on at once: more threads would only take turns on the cores.
os.environ.setdefault("POLARS_MAX_THREADS", "1")
