"""What a page was sent as text: ids, days, whoever works here. What cannot be read is none, and fails nothing."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.http import Http404
from django.utils import timezone
from django.utils.dateparse import parse_date

from kehu.guard.staff.models import Staff

_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def id_of(text: str | None) -> UUID | None:
    """An id; None: it is none."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def written(text: str | None) -> str:
    """What somebody wrote, each end of a line one character, as the browser counted it that let no more be written."""
    return (text or "").replace("\r\n", "\n").strip()


def customer_of(text: str) -> UUID | None:
    """A customer's id, by itself or within the address of their record; None: there is none in it."""
    found = _ID.search(text)
    return UUID(found[0]) if found else id_of(text.strip())


def customers_of(text: str) -> tuple[UUID, ...]:
    """Customers' ids, or addresses of their records, with spaces, commas or ends of lines between them.

    Raises:
        ValueError: a part of it is neither.
    """
    found = tuple(customer_of(word) for word in text.replace(",", " ").split())
    if None in found:
        raise ValueError("customers: by their ids")
    return tuple(one for one in found if one is not None)


def date_of(text: str) -> date | None:
    """A day in ISO form; None: it is none."""
    try:
        return parse_date(text)
    except ValueError:
        return None


def beginning_of(day: date | None) -> datetime | None:
    """The first moment of a day in the reader's zone; None where no day is given."""
    if day is None:
        return None
    return datetime.combine(day, datetime.min.time(), tzinfo=timezone.get_current_timezone())


def end_of(day: date | None) -> datetime | None:
    """The first moment after a day in the reader's zone; None where no day is given, or none follows it."""
    return None if day is None or day == date.max else beginning_of(day + timedelta(days=1))


def email_of(staff: str) -> str | None:
    """The address of whoever works or worked here, by their id; None where none was sent.

    Raises:
        Http404: nobody of that id.
    """
    if not staff:
        return None
    found = Staff.objects.filter(id=id_of(staff)).values_list("email", flat=True).first()
    if found is None:
        raise Http404
    return str(found)
