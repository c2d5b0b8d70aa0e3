"""How many customers a person of a role may use in an hour and a day, as it ships: ``policies/quotas.toml``."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from typing import Final, NamedTuple

from kehu.govern.slugs import ROLES
from kehu.host.paths import policies_dir

METERS: Final[dict[str, int]] = {"opened": 1, "listed": 2}


class Quota(NamedTuple):
    """The most customers in an hour by the clock, and in 24 hours; None: as many as there are."""

    per_hour: int | None
    per_day: int | None


FREE: Final = Quota(None, None)


@functools.cache
def shipped_quotas() -> Mapping[tuple[str, str], Quota]:
    """Quotas by role and meter.

    Raises:
        ValueError: the file names a role or a meter that is not there, or a number that is none.
    """
    found: dict[tuple[str, str], Quota] = {}
    for role, meters in tomllib.loads((policies_dir() / "quotas.toml").read_text(encoding="utf-8")).items():
        if role not in ROLES:
            raise ValueError(f"policies/quotas.toml: no such role {role}")
        for meter, numbers in meters.items():
            if meter not in METERS or len(numbers) != len(Quota._fields) or not 0 < numbers[0] <= numbers[1]:
                raise ValueError(f"policies/quotas.toml: {role}.{meter}")
            found[role, meter] = Quota(*numbers)
    return found
