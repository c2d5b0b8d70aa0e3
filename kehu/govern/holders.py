"""Who holds personal data of customers: a registry that an export asks and an erasure reaches, one holder after the other.

A holder is registered by its room when Django is ready, by the name of its class: few programs ever walk the list, and what an
erasure reaches imports a good part of the house. A model declares what it holds by ``personal_data``: the name of
the holder that answers for it, or ``"none"``; a Django check fails on a model that declares nothing, or a holder nobody
registered. Register only: the rooms above walk it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable
from uuid import UUID

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error
from django.core.checks import register as register_check
from django.utils.module_loading import import_string

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
_NAMED: list[str] = []  # classes of holders that nobody has asked for yet
_MAKING = threading.Lock()


def register(*holders: Holder | str) -> None:
    """Put holders on the list, each itself or as the dotted name of its class; one of the same name is replaced."""
    for holder in holders:
        if isinstance(holder, str):
            _NAMED.append(holder)
        else:
            _listed()[holder.name] = holder


def unregister(name: str) -> None:
    """Take a holder off the list."""
    _listed().pop(name, None)


def holders() -> tuple[Holder, ...]:
    """All holders, the latest first: the vault, whose keys the others' data may lie under, comes last."""
    return tuple(reversed(_listed().values()))


def _listed() -> dict[str, Holder]:
    """The list, those made that were only named until now.

    Raises:
        ImportError: there is no such class.
    """
    with _MAKING:
        while _NAMED:
            made: Holder = import_string(_NAMED[0])()
            _HOLDERS[made.name] = made
            del _NAMED[0]  # only now: a name that leads nowhere must not be passed over the second time
    return _HOLDERS


@register_check("kehu")
def check_models(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """A model that does not say what personal data it holds, or names a holder that is not there."""
    found: list[CheckMessage] = []
    listed = _listed()
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
            elif said != NONE and (said not in listed or model._meta.db_table not in listed[said].tables):
                hint = "register the holder in the room's AppConfig.ready(), with this table among its tables"
                found.append(Error(f"no holder {said!r} answers for this model", hint=hint, obj=model, id="kehu.E002"))
    return found
