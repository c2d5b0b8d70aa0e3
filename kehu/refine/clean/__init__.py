"""Cleaning: what came, normalised by the dictionary's types, each value with a status; and the keys to find it by."""

from kehu.refine.clean.frame import clean, clean_value
from kehu.refine.clean.habits import survey
from kehu.refine.clean.keys import SearchKeys, exact_key, fold, names_keys, pinyin_query, search_keys
from kehu.refine.clean.lookup import lookup_keys
from kehu.refine.clean.status import ABSENT, INVALID, UNVERIFIED, VALID, Habits

__all__ = [
    "ABSENT",
    "INVALID",
    "UNVERIFIED",
    "VALID",
    "Habits",
    "SearchKeys",
    "clean",
    "clean_value",
    "exact_key",
    "fold",
    "lookup_keys",
    "names_keys",
    "pinyin_query",
    "search_keys",
    "survey",
]
