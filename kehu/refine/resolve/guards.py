"""What must hold besides a high weight before two records become one customer.

A household shares surname, address, phone and mailbox, a father and a son the whole name, twins all but the given name.
So what a household shares never merges by itself, given names that differ by more than typing, pinyin or script bar a
merge, and contradictions go to review.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kehu.refine.resolve.features import Features, Kind

_CN_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@dataclass(frozen=True, slots=True)
class Guards:
    """Conditions in SQL over a pair of feature rows `l` and `r`; each is true or false, never null.

    Attributes:
        certain: the evidence is of a kind that may merge by itself, given the weight.
        household: the pair agrees in nothing but what a household shares; its weight is capped.
        shown: as before, and their birth dates say that they are two.
        never: two different customers, whatever the weight: nothing of name, birth date and number agrees.
        apart: the two may not end in one merged group, by whatever chain.
    """

    certain: str
    household: str
    shown: str
    never: str
    apart: str


def guards(features: Features, kind: Kind) -> Guards:
    """The conditions that these features can decide."""
    return _Conditions(features).person() if kind == "person" else _Conditions(features).organisation()


class _Conditions:
    """Builds the conditions; what a table lacks is unknown and decides nothing."""

    def __init__(self, features: Features) -> None:
        self._columns = features.columns
        self._wide = features.wide

    def _known(self, column: str) -> str:
        return f"(l.{column} IS NOT NULL AND r.{column} IS NOT NULL)" if column in self._columns else "false"

    def _when(self, column: str, condition: str) -> str:
        """The condition where both have the column, else false."""
        return f"coalesce({condition}, false)" if column in self._columns else "false"

    def _same(self, column: str) -> str:
        return self._when(column, f"l.{column} = r.{column}")

    def _differs(self, column: str) -> str:
        return self._when(column, f"l.{column} <> r.{column}")

    def _given_agrees(self, *, least: float = 0.9) -> str:
        """Equal, one begins the other, everyday and formal form, alike but for typing or script, or swapped.

        Args:
            least: Jaro-Winkler similarity that still passes for typing.
        """
        if "first" not in self._columns:
            return "false"
        first, last = ("first_s", "last_s") if self._wide else ("first", "last")
        alike = (
            f"(length(l.{first}) >= 4 AND damerau_levenshtein(l.{first}, r.{first}) <= 1"
            f" OR length(l.{first}) >= 5 AND jaro_winkler_similarity(l.{first}, r.{first}) >= {least})"
        )
        if self._wide:
            # Two Han names that only sound alike may be a slip of the keyboard or twins: not for us to say.
            alike = (
                f"(CASE WHEN {_han('l', first)} AND {_han('r', first)} THEN false"
                f" WHEN {_han('l', first)} OR {_han('r', first)} THEN l.{first} = r.{first} ELSE {alike} END)"
            )
        begins = "(starts_with(l.first || ' ', r.first || ' ') OR starts_with(r.first || ' ', l.first || ' '))"
        formal = "(l.formal = r.formal AND (l.formal = l.first OR r.formal = r.first OR l.first = r.first))"
        crossed = ((first, last), (last, first))
        swapped = " AND ".join(f"jaro_winkler_similarity(l.{one}, r.{other}) >= 0.9" for one, other in crossed)
        return self._when(
            "first", f"l.first = r.first OR {begins} OR {formal} OR {alike} OR coalesce({swapped}, false)"
        )

    def _given_compatible(self) -> str:
        """One is missing, an initial of the other, a word of the other's whole name, or easily misheard for it."""
        if "first" not in self._columns:
            return "true"
        initial = "((length(l.first) = 1 OR length(r.first) = 1) AND l.first[1] = r.first[1])"
        sides = (("l", "r"), ("r", "l"))
        word = " OR ".join(f"contains(' ' || {a}.name || ' ', ' ' || {b}.first || ' ')" for a, b in sides)
        misheard = "l.first_b = r.first_b" if self._wide else "false"
        return f"(NOT {self._known('first')} OR {self._when('first', f'{initial} OR {word} OR {misheard}')})"

    def _other_characters(self) -> str:
        if not self._wide:
            return "false"
        return self._when("first", f"l.first <> r.first AND {_han('l', 'first_s')} AND {_han('r', 'first_s')}")

    def _family_agrees(self) -> str:
        last = "last_s" if self._wide else "last"
        near = f"l.last = r.last OR jaro_winkler_similarity(l.{last}, r.{last}) >= 0.85"
        return f"(NOT {self._known('last')} OR {self._when('last', near)})"

    def _birth_agrees(self, *, errors: int = 1) -> str:
        swapped = "l.birth[1:4] = r.birth[1:4] AND l.birth[5:6] = r.birth[7:8] AND l.birth[7:8] = r.birth[5:6]"
        return self._when("birth", f"damerau_levenshtein(l.birth, r.birth) <= {errors} OR ({swapped})")

    def _id_near(self, column: str) -> str:
        return self._when(
            column, f"damerau_levenshtein(l.{column}, r.{column}) <= 2 AND NOT {self._both_checked(column)}"
        )

    def _both_checked(self, column: str) -> str:
        """Both have a right check digit and differ: twins' numbers are neighbours, one slip is never valid."""
        if column not in self._columns:
            return "false"
        return f"(l.{column} <> r.{column} AND {_cn_checked(f'l.{column}')} AND {_cn_checked(f'r.{column}')})"

    def _numbers_differ(self, column: str) -> str:
        far = self._when(column, f"damerau_levenshtein(l.{column}, r.{column}) > 2")
        return f"({far} OR {self._when(column, self._both_checked(column))})"

    def _contacts(self) -> str:
        return " + ".join(f"({self._same(column)})::int" for column in ("phone", "email", "addr"))

    def person(self) -> Guards:
        """Given name with birth date, or a number, or the occupation."""
        given, birth, number = self._given_agrees(), self._birth_agrees(), self._same("national_id")
        compatible, near_number = self._given_compatible(), self._id_near("national_id")
        other_gender = f"({self._differs('gender')} AND NOT {self._same('first')} AND NOT {number})"
        contradiction = " OR ".join((self._numbers_differ("national_id"), self._differs("suffix"), other_gender))
        # Without birth dates a namesake in the household remains possible, so what it shares is not enough.
        more = f"(NOT {self._known('birth')} AND {self._same('occupation')})"
        certain = f"({number} AND ({given} OR {compatible} OR {birth})) OR ({given} AND ({birth} OR {more}))"
        near_birth = self._birth_agrees(errors=2)
        other_birth = f"({self._known('birth')} AND NOT {near_birth} AND NOT {number} AND NOT {near_number})"
        household = f"NOT {given} AND NOT {compatible} AND NOT {near_birth} AND NOT {number} AND NOT {near_number}"
        numbers = self._when("national_id", self._both_checked("national_id"))
        # A shared phone explains itself once neither name agrees; a shared address may yet be one badly typed record.
        shared = f"({other_birth} OR {self._same('phone')} OR {self._same('email')})"
        strangers = f"({household} AND NOT {self._family_agrees()} AND {shared})"
        other_given = f"(NOT {self._given_agrees(least=0.7)} AND NOT {compatible} AND NOT {number})"
        other_characters = f"({self._other_characters()} AND NOT {number})"
        return Guards(
            certain=f"NOT ({contradiction}) AND ({certain})",
            household=household,
            shown=f"{household} AND {other_birth}",
            never=f"{numbers} OR {strangers}",
            apart=f"({contradiction}) OR {other_birth} OR {other_given} OR {other_characters}",
        )

    def organisation(self) -> Guards:
        number, column = self._same("registration_number"), "registration_number"
        name = self._when(
            "name", "l.name = r.name OR l.tokens = r.tokens OR jaro_winkler_similarity(l.name_s, r.name_s) >= 0.95"
        )
        contradiction = self._when(column, f"l.{column} <> r.{column}")
        certain = f"{name} AND ({number} OR ({self._contacts()} >= 1 AND NOT {contradiction}))"
        return Guards(certain=certain, household="false", shown="false", never="false", apart=contradiction)


def _han(side: str, sound: str) -> str:
    """SQL: the given name is written in other letters than it is spelt in."""
    return f"{side}.first <> {side}.{sound}"


def _cn_checked(column: str) -> str:
    """SQL: an 18-digit resident identity number whose check digit is right (GB 11643)."""
    total = " + ".join(
        f"{weight} * coalesce(try_cast({column}[{i}] AS INT), 0)" for i, weight in enumerate(_CN_WEIGHTS, 1)
    )
    return f"(length({column}) = 18 AND upper({column}[18]) = '10X98765432'[({total}) % 11 + 1])"
