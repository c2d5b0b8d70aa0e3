"""What happened with a customer, put into pages: metrics, a chart of a year, and the timeline by day.

The figures count everything where everything was opened; of a customer with more they say how many of the newest they are of.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from kehu.doors.web.charts import Series, bars_and_line
from kehu.doors.web.pages import day_text, time_text, whole
from kehu.doors.web.templatetags.desk import money
from kehu.doors.web.words import contact_word
from kehu.serve.desk.happened import Event
from kehu.serve.desk.record import Record

MONTHS: Final = 12
_FIRST: Final = 12  # days of the timeline that stand open
_LOOK: Final = {"order": ("shopping-bag", "malachite"), "interaction": ("message-circle", "azurite")}


def of(record: Record) -> dict[str, Any]:
    """What the record's page shows of a customer's orders and interactions: figures, and the newest day by day."""
    held = record.happened
    opened = (*held.listed, *held.beside)
    orders = [one for one in opened if one.kind == "order"]
    contacts = [one for one in opened if one.kind == "interaction"]
    days = days_of(held.listed)
    counts = {
        kind: len(of_kind) if kind in held.whole else held.counts.get(kind, 0)
        for kind, of_kind in (("order", orders), ("interaction", contacts))
    }
    drawn = contacts if "interaction" in held.whole else []
    return {
        "metrics": _metrics(orders, contacts, counts),
        "chart": _chart(orders, drawn) if "order" in held.whole else "",
        "chart_contacts": bool(drawn),
        "happened": sum(counts.values()),
        "days": days[:_FIRST],
        "more_days": days[_FIRST:],
        "untold": max(0, sum(held.counts.values()) - held.places),
        "older_after": held.places,
    }


def _spent(orders: Iterable[Event]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in orders:
        if one.amount is not None:
            total[one.fields.get("currency", "")] += one.amount  # type: ignore[assignment]  # Decimal counts, too
    return total


def _main_currency(orders: Iterable[Event]) -> str:
    held = Counter(one.fields.get("currency", "") for one in orders if one.amount is not None)
    return held.most_common(1)[0][0] if held else ""


def _metrics(orders: list[Event], contacts: list[Event], counts: Mapping[str, int]) -> list[tuple[str, str, str]]:
    """(word, figure, note): only of what may be seen and is there. ``counts``: how many there are, where not all were opened."""
    found: list[tuple[str, str, str]] = []
    some = _of_the_newest(len(orders)) if counts["order"] > len(orders) else ""
    spent = _spent(orders)
    if spent:
        main = _main_currency(orders)
        others = " + ".join(money(Decimal(amount), name) for name, amount in spent.items() if name != main)
        note = " ".join(filter(None, [others and f"+ {others}", some]))
        found.append((_("Spent") if some else _("Spent in all"), money(Decimal(spent[main]), main), note))
    if orders:
        found.append((_("Orders"), f"{counts['order']:,}", ""))
        last = max((one.at for one in orders if one.at), default=None)
        if last:
            found.append((_("Last order"), date_format(timezone.localtime(last), "DATE_FORMAT"), some))
    if contacts:
        told = (whole(one.fields.get("rating", "")) for one in contacts)
        rated = [one for one in told if one is not None]
        note = _("rated %(mean).1f on average") % {"mean": sum(rated) / len(rated)} if rated else ""
        if note and counts["interaction"] > len(contacts):
            note = " ".join([note, _of_the_newest(len(contacts))])
        found.append((_("Contacts with us"), f"{counts['interaction']:,}", note))
    return found


def _of_the_newest(count: int) -> str:
    return _("(the newest %(n)s)") % {"n": f"{count:,}"}


def _chart(orders: list[Event], contacts: list[Event]) -> str:
    """Amounts by month as bars and contacts as a line: the twelve months up to the last event; empty without amounts."""
    main = _main_currency(orders)
    counted = [one for one in orders if one.at and one.amount is not None and one.fields.get("currency", "") == main]
    if len(counted) < 2:
        return ""
    last = max(_month(one.at) for one in [*counted, *contacts] if one.at)
    months = [_shifted(last, back) for back in range(MONTHS - 1, -1, -1)]
    sums: defaultdict[date, Decimal] = defaultdict(Decimal)
    for one in counted:
        assert one.at is not None
        sums[_month(one.at)] += one.amount or 0
    seen = Counter(_month(one.at) for one in contacts if one.at)
    values, counts = [sums[month] for month in months], [seen[month] for month in months]
    sign = money(Decimal(0), main).rstrip("0")
    return bars_and_line(
        _("Spent and contacts, by month"),
        [_label(month) for month in months],
        Series(_("Spent"), "soft", [float(one) for one in values], [money(one, main) for one in values]),
        Series(_("Contacts with us"), "accent", counts, [str(one) for one in counts]) if any(counts) else None,
        unit=sign,
    )


def _label(month: date) -> str:
    """The month, with its year where that changes."""
    return date_format(month, _("M y") if month.month == 1 else _("M"))


def _month(at: datetime) -> date:
    return timezone.localtime(at).date().replace(day=1)


def _shifted(month: date, back: int) -> date:
    index = month.year * 12 + month.month - 1 - back
    return date(index // 12, index % 12 + 1, 1)


def days_of(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Events by the day in the reader's zone, as the timeline shows them."""
    by_day: dict[date, list[dict[str, Any]]] = {}
    for one in events:
        at = timezone.localtime(one.at or one.came_at)
        by_day.setdefault(at.date(), []).append(_item(one, at))
    return [{"day": day_text(day, "DATE_FORMAT"), "items": items} for day, items in by_day.items()]


def _item(one: Event, at: datetime) -> dict[str, Any]:
    icon, tone = _LOOK.get(one.kind, ("circle", ""))
    held = one.fields
    known_time = one.at is not None and (at.hour, at.minute) != (0, 0)
    item: dict[str, Any] = {"kind": one.kind, "icon": icon, "tone": tone}
    if known_time:
        item |= {"iso": at.isoformat(), "time": time_text(at.time())}
    if one.kind == "order":
        details = [
            held.get("product", ""),
            f"× {held['quantity']}" if held.get("quantity") else "",
            held.get("order_status", ""),
            held.get("payment_method", ""),
        ]
        return item | {
            "title": _("Order"),
            "number": held.get("order_id", ""),
            "figure": money(one.amount, held.get("currency", "")) if one.amount is not None else "",
            "details": " · ".join(filter(None, details)),
        }
    return item | {
        "title": contact_word(held.get("kind", "")) or _("Contact with us"),
        "number": "",
        "figure": f"{held['rating']} ★" if held.get("rating") else "",
        "details": held.get("topic", ""),
        "quote": held.get("text", ""),
    }
