"""What stands on forms where a given name belongs, and is none: Resident, Daughter Of, Baby Boy, 业主.

Whoever fills in a form for a household does not know everybody's name. Two children of one house are not one for being called
`child`, and a child and Oliver may be. Only what is compared changes, nothing that is stored.
"""

from __future__ import annotations

from typing import Final

# Nobody's name, as far as we know. What is somebody's (Elder, Gent, Nina, Baby, Son), or a title (Madre), is not here.
_NOUNS: Final = (
    "mother|mom|mum|mommy|mummy|father|dad|daddy|parent|brother|sister|sibling|daughter|husband|wife|spouse|partner|"
    "grandmother|grandma|granny|grandfather|grandpa|grandson|granddaughter|grandchild|uncle|aunt|auntie|niece|nephew|cousin|"
    "stepson|stepdaughter|stepchild|stepmother|stepfather|girlfriend|boyfriend|fiance|fiancee|friend|"
    "woman|lady|girl|gentleman|gentlemen|infant|child|children|toddler|newborn|teenager|youth|minor|adult|person|male|female|"
    "resident|occupant|occupier|tenant|householder|homeowner|owner|roommate|housemate|flatmate|lodger|boarder|neighbour|neighbor|"
    "guest|visitor|family|household|inmate|patient|respondent|oldest|eldest|youngest|"
    "unknown|anonymous|nobody|unnamed|none|customer|client|hijo|hija|hermano|hermana|esposo|esposa|"
    "本人|业主|住户|客户|顾客|家长|未知|不详|无名氏|某某|爸爸|妈妈|父亲|母亲|儿子|女儿|丈夫|妻子|老公|老婆"
)
# Of these each is somebody's name, and two of them together are not.
_SOME: Final = "son|boy|man|kid|guy|baby"
_WHICH: Final = "baby|big|little|old|older|young|younger|first|second|third|other"
_BEHIND: Final = (
    "of|in|at|and|on|up|down|upstairs|downstairs|the|a|my|his|her|law|flat|apartment|house|room|door|next|f|m"
)
NO_GIVEN_NAME: Final = (
    rf"^(?:(?:the|a|my|his|her) )?(?:(?:{_WHICH}) )?(?:(?:{_NOUNS})|(?:{_SOME}) (?:of|in|at))(?: (?:{_BEHIND}|{_SOME}|{_NOUNS}))*$"
    rf"|^(?:{_WHICH}) (?:{_SOME})$|^(?:no|not) (?:name|known|given|stated)$"
)
"""Of a given name, or of a whole one, in lower case."""
