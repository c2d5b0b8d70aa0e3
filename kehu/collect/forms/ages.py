"""From which age on somebody consents alone: by the laws of the country they say to live in, where the form asks for it."""

from __future__ import annotations

import polars as pl

from kehu.collect.forms.definition import own_age
from kehu.collect.forms.showing import Shown
from kehu.govern.laws import packs_applying, packs_for
from kehu.govern.models import Controller
from kehu.refine.clean import clean


def age_asked(shown: Shown, country: str) -> int:
    """Years below which a guardian consents, of who says to live in a country (as typed; empty: nothing is said); 0: none.

    The strictest of all laws where none is said, or its laws, as far as they are known here, name no age.
    """
    form = shown.definition
    if "country" not in form.fields or not country.strip():
        return form.own_age()
    residence = clean(pl.DataFrame({"country": [country]}), residence=None, columns={"country": "country"})[
        "country__n"
    ][0]
    if not own_age(packs_for(residence)):
        return form.own_age()
    # as of the record that it becomes
    established = Controller.objects.get(id=shown.version.controller).country
    return own_age(packs_applying(residence, collected_in=form.country or None, established_in=established))
