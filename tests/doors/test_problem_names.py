"""What went wrong, as a code: each exception by its name; a home that another version prepared says so and blames nothing else."""

from __future__ import annotations

import importlib

import pytest

from kehu.doors import problems
from kehu.doors.problems import problem_of
from kehu.govern.models import Rules
from kehu.guard.gate.read import RulesChanged, gate
from kehu.guard.setup import open_owner
from tests.cast import admit, staff


def test_other_rules_in_force(database):
    alice = staff("service")
    [lin] = admit({"email": "lin@mail.example"})
    Rules.objects.create(digest=b"x" * 32, content={})
    with pytest.raises(RulesChanged) as met:
        gate().open([lin], actor=alice, purpose="service")
    assert problem_of(met.value).code == "outdated"


def test_a_table_that_is_not_there_yet(database):
    with open_owner(database) as owner:
        owner.execute("alter table govern_controller rename to elsewhere")
    from django.db import DatabaseError

    from kehu.govern.models import Controller

    with pytest.raises(DatabaseError) as met:
        Controller.objects.count()
    assert problem_of(met.value).code == "outdated"


@pytest.mark.parametrize("name", ["a\0b", "x" * 70_000, "\udcce\udcd2"], ids=["nul", "too long", "another encoding"])
def test_what_no_database_keeps_is_the_askers_to_mend(kehu, name):
    """Not of the database: whoever is told to come back in a second would do so for ever."""
    code, answer = kehu("controller", "add", name, "--country", "CN")
    assert (code, answer["error"]["code"]) == (2, "unkeepable") and name not in str(answer)
    assert problems.Problem("unkeepable").status == 422


def test_a_number_beyond_its_column_is_too(kehu):
    code, answer = kehu("quota", "set", "service", "--hour", "3000000000", "--day", "3000000000")
    assert (code, answer["error"]["code"]) == (2, "unkeepable")


def test_every_exception_that_has_words_is_there_by_that_name():
    speaking = dict.fromkeys(problems._SPEAKING, "")
    for name in problems._codes() | speaking:
        module, *rest = name.split(".")
        found, place = importlib.import_module(module), module
        for part in rest:
            place = f"{place}.{part}"
            found = getattr(found, part, None) or importlib.import_module(place)
        assert issubclass(found, BaseException) and f"{found.__module__}.{found.__qualname__}" == name
        above = {f"{one.__module__}.{one.__qualname__}" for one in found.__mro__[1:]}
        assert name in speaking or not above & speaking.keys(), f"{name} would say less than what it is a kind of"
