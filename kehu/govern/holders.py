"""Who holds personal data of customers: a registry that an export asks and an erasure reaches, one holder after the other.

A holder is registered by its room when Django is ready. A model declares what it holds by ``personal_data``: the name of
the holder that answers for it, or ``"none"``; a Django check fails on a model that declares nothing, or a holder nobody
registered. Register only: the rooms above walk it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable
from uuid import UUID

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error
from django.core.checks import register as register_check

NONE: Final = "none"


@runtime_checkable
class Holder(Protocol):
    """A part of the system that stores personal data of customers.

    ``tables`` are the database tables it answers for. Nobody but the rights of a customer calls it.
    """

    @property
    def name(self) -> str:
        """Its name, as models declare it and certificates count it."""

    @property
    def tables(self) -> frozenset[str]:
        """The tables it answers for."""

    def export(self, subject: UUID, *, actor: Any) -> Mapping[str, Any] | None:
        """Everything held on this origin subject, ready for JSON; None: nothing.

        Outside any transaction: whoever opens something sealed records it first. ``actor`` is the guard's, who asks.
        """

    def erase(self, subject: UUID) -> int:
        """Erase everything of this origin subject; returns how many things that were.

        Inside the erasure's transaction, with the subject's keys still there. What lies outside the database must bear
        being erased twice: a failure of any holder undoes the transaction, and the erasure runs again.
        """


_HOLDERS: dict[str, Holder] = {}


def register(holder: Holder) -> None:
    """Put a holder on the list; one of the same name is replaced."""
    _HOLDERS[holder.name] = holder


def unregister(name: str) -> None:
    """Take a holder off the list."""
    _HOLDERS.pop(name, None)


def holders() -> tuple[Holder, ...]:
    """All holders, the latest first: the vault, whose keys the others' data may lie under, comes last."""
    return tuple(reversed(_HOLDERS.values()))


@register_check("kehu")
def check_models(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """A model that does not say what personal data it holds, or names a holder that is not there."""
    found: list[CheckMessage] = []
    for config in app_configs if app_configs is not None else apps.get_app_configs():
        if not config.name.startswith("kehu."):
            continue
        for model in config.get_models():
            said = model.__dict__.get("personal_data")
            if said is None:
                hint = f'personal_data: ClassVar[str] = "{NONE}", or the name of a holder (kehu/govern/holders.py)'
                found.append(
                    Error("the model does not say what personal data it holds", hint=hint, obj=model, id="kehu.E001")
                )
            elif said != NONE and (said not in _HOLDERS or model._meta.db_table not in _HOLDERS[said].tables):
                hint = "register the holder in the room's AppConfig.ready(), with this table among its tables"
                found.append(Error(f"no holder {said!r} answers for this model", hint=hint, obj=model, id="kehu.E002"))
    return found
