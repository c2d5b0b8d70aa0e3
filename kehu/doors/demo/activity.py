"""What the made-up people do: orders with a long tail, and questions to the service desk."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from kehu.doors.demo.layouts import load_table
from kehu.doors.demo.people import Record, words

ORDERS = {"store": 2300, "shop": 2400, "shop-hant": 500, "shop-world": 600, "file": 200}
ENQUIRIES = {"store": 500, "shop": 950, "shop-hant": 250, "shop-world": 300, "phone": 500}
_DAYS = 730
_CURRENCIES = {"HK": ("HKD", 1.1), "TW": ("TWD", 4.4), "DE": ("EUR", 0.13), "US-CA": ("USD", 0.14), "JP": ("JPY", 21.0)}


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who may order or ask: an external id of a channel, and what their rows need to know."""

    external_id: str
    residence: str
    script: str
    phone: str
    always: bool


@dataclass(frozen=True, slots=True)
class Order:
    """One order line; times are UTC."""

    order_id: str
    buyer: Buyer
    at: datetime
    product: str
    quantity: int
    amount: str
    currency: str


@dataclass(frozen=True, slots=True)
class Enquiry:
    """One contact with the service desk."""

    buyer: Buyer
    at: datetime
    kind: str
    topic: str
    text: str


def buyers(records: Sequence[Record], channel: str) -> list[Buyer]:
    """The people of a channel; the cast (ids from 90000) takes part in everything, so that their pages are alive."""
    return [
        Buyer(r.external_id, r.person.residence, r.person.script, r.person.phone, r.external_id[2:3] == "9")
        for r in records
        if r.channel == channel
    ]


def _moments(rng: random.Random, today: date, count: int) -> list[datetime]:
    """Times within the last two years, in order, in the waking hours of China."""
    midnight = datetime.combine(today, time(), UTC)
    return sorted(
        midnight - timedelta(days=rng.randrange(1, _DAYS)) + timedelta(seconds=rng.randrange(0, 14 * 3600))
        for _ in range(count)
    )


def _choose(rng: random.Random, people: Sequence[Buyer], count: int) -> list[Buyer]:
    """Who does something, ``count`` times: few do most, some never; the cast three times at least."""
    weights = [rng.paretovariate(1.3) if rng.random() < 0.8 else 0.01 for _ in people]
    certain = [buyer for buyer in people if buyer.always for _ in range(3)]
    chosen = certain + rng.choices(people, weights, k=count - len(certain))
    rng.shuffle(chosen)
    return chosen


def orders(seed: int, today: date, channel: str, people: Sequence[Buyer]) -> list[Order]:
    """The orders of a channel; numbers rise with time."""
    rng = random.Random(f"{seed}:orders:{channel}")
    stock = words()["products"]
    day_counts: Counter[str] = Counter()
    made = []
    chosen = _choose(rng, people, ORDERS[channel])
    for buyer, at in zip(chosen, _moments(rng, today, len(chosen)), strict=True):
        product = rng.choices(stock, [1 / (rank + 2) for rank in range(len(stock))])[0]
        quantity = rng.choices((1, 2, 3, 6), (70, 20, 7, 3))[0] * (20 if channel == "file" else 1)
        currency, rate = _CURRENCIES.get(buyer.residence, ("CNY", 1.0) if buyer.residence == "CN" else ("AUD", 0.21))
        total = product["price"] * quantity * rate
        language = buyer.script if buyer.script in ("hans", "hant") else "en"
        day_counts[f"{at:%y%m%d}"] += 1
        made.append(
            Order(
                order_id=f"{channel[0].upper()}{channel[-1].upper()}{at:%y%m%d}{day_counts[f'{at:%y%m%d}']:04d}",
                buyer=buyer,
                at=at,
                product=product[language],
                quantity=quantity,
                amount=f"{total:.0f}" if currency in ("JPY", "TWD") else f"{total:.2f}",
                currency=currency,
            )
        )
    return made


def enquiries(
    seed: int, today: date, channel: str, people: Sequence[Buyer], placed: Sequence[Order], language: str
) -> list[Enquiry]:
    """What the people of a channel asked, about their own orders where they have any; every eighth in English."""
    rng = random.Random(f"{seed}:enquiries:{channel}")
    tables = load_table("enquiries.toml")
    theirs: dict[str, list[Order]] = {}
    for order in placed:
        theirs.setdefault(order.buyer.external_id, []).append(order)
    made = []
    chosen = _choose(rng, people, ENQUIRIES[channel])
    for buyer, at in zip(chosen, _moments(rng, today, len(chosen)), strict=True):
        own = "en" if rng.random() < 0.125 else buyer.script if buyer.script in tables else language
        kinds = tables[own]["kinds"][:1] if channel == "phone" else tables[own]["kinds"][1:]
        past = [order for order in theirs.get(buyer.external_id, ()) if order.at < at]
        # nobody asks about an order they have not placed yet
        topic, text = rng.choice([entry for entry in tables[own]["texts"] if past or "{order}" not in entry[1]])
        product = rng.choice(words()["products"])[own if own in ("hans", "hant") else "en"]
        text = text.format(
            product=past[-1].product if past else product,
            order=past[-1].order_id if past else "",
            day=_day(at - timedelta(days=rng.randrange(1, 9)), own),
        )
        made.append(Enquiry(buyer, at, rng.choice(kinds), topic, text))
    return made


def _day(moment: datetime, script: str) -> str:
    """A day as people write it."""
    if script in ("hans", "hant", "ja"):
        return f"{moment.month}月{moment.day}日"
    return moment.strftime("%d.%m." if script == "de" else "%d %B")
