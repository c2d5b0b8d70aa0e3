"""The vault as a holder: registered first, so that it is reached last, when nobody needs the keys any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.vault.erasure import TABLES, destroy


class VaultHolder:
    """Records, facets, index tokens, source and identity keys, state and, last of all, the key and its ledger salt."""

    name: Final = "vault"
    tables = frozenset(TABLES)

    def export(self, subject: UUID, *, actor: Any) -> Mapping[str, Any] | None:
        """Nothing here: an export opens the vault through the gate."""
        return None

    def erase(self, subject: UUID) -> int:
        """Delete every row, the key last."""
        connection.ensure_connection()
        return sum(destroy(connection.connection, [subject]).values())
