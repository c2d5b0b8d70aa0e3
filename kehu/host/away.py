"""What a statement raises while the database is away, or cannot do it just now: through Django, or without it."""

from __future__ import annotations

from typing import Final

import psycopg
from django.db import InterfaceError, OperationalError

AWAY: Final = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
