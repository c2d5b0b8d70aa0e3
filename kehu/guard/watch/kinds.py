"""Kinds of alert, states and marks, with their small stable numbers. Add freely; never renumber."""

from __future__ import annotations

from typing import Final

KINDS: Final[dict[str, int]] = {
    "volume": 1,  # more customers than usual
    "off-hours": 2,  # off duty, or at hours in which this person does not work
    "breadth": 3,  # many different customers, once each, from all over
    "denials": 4,  # refused again and again
    "colleague": 5,  # a customer who works here
    "vip": 6,
    "sequential": 7,  # customer after customer in the order of their arrival
    "honey": 8,  # a record that nobody has a reason to open
    "quota": 9,  # raised by the gate
    "break-glass": 10,
    "self": 11,  # oneself
}
LOW, MEDIUM, HIGH = 1, 2, 3
SEVERITY: Final[dict[str, int]] = {
    "volume": MEDIUM, "off-hours": LOW, "breadth": MEDIUM, "denials": MEDIUM, "colleague": MEDIUM, "vip": LOW,
    "sequential": HIGH, "honey": HIGH, "quota": MEDIUM, "break-glass": HIGH, "self": MEDIUM,
}  # fmt: skip
"""Of an alert when it is opened; it may rise."""
SEVERITIES: Final = {LOW: "low", MEDIUM: "medium", HIGH: "high"}

STATES: Final[dict[str, int]] = {"open": 0, "taken": 1, "dismissed": 2, "case": 3}
MARKS: Final[dict[str, int]] = {"colleague": 1, "vip": 2, "honey": 3}
HANDLERS: Final = ("privacy", "auditor")
"""Roles of staff who handle alerts; the home's owner does, too."""
