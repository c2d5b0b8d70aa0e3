"""What a password is kept as, in the program that ships: these tests themselves hash cheaply."""

from __future__ import annotations

import subprocess
import sys

SHOW = """
import django; django.setup()
from django.contrib.auth.hashers import make_password
print(make_password("correct horse battery"))
"""


def test_argon2_costs_what_owasp_asks_at_least() -> None:
    """19 MiB and two passes, OWASP Password Storage Cheat Sheet."""
    told = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True, timeout=60).stdout
    name, kind, _, costs, _, _ = told.strip().split("$")
    held = dict(part.split("=") for part in costs.split(","))
    assert (name, kind) == ("argon2", "argon2id")
    assert int(held["m"]) >= 19 * 1024 and int(held["t"]) >= 2
