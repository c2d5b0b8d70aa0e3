"""The readable page of a customer's copy: three languages one below the other, self-contained, no script, no link out."""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from kehu.govern.slugs import LANGUAGES, PUBLIC_INFORMATION
from kehu.guard.installation import installation

_WORDS: Final = Path(__file__).with_name("words.toml")
_NAMES: Final = {"zh-hans": "简体中文", "zh-hant": "繁體中文", "en": "English"}
_TAGS: Final = {"zh-hans": "zh-Hans", "zh-hant": "zh-Hant", "en": "en"}
_TABLES: Final = ("consents", "subscriptions", "states", "requests", "demands", "ledger", "withheld")
_LEFT_TO_DATA: Final = {"proof", "evidence", "id", "subject", "certificate", "clock", "follows", "in_force",
    "clocks", "steps", "laws", "overdue",
}  # fmt: skip
_KNOWN: Final = {"format", "made_at", "subject", "origins", "profile", "records", *_TABLES}
# columns that hold words of our own, never a person's
_OURS: Final = {
    "kind", "channel", "basis", "status", "way", "action", "role", "department", "right", "state", "what", "part",
    "medium", "topic", "ground", "event", "guardian", "proof", "decided_by", "told",
}  # fmt: skip
_STYLE: Final = """
:root{color-scheme:light dark}
body{font:16px/1.6 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;max-width:60rem;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #8884;overflow-wrap:anywhere}
th{font-weight:600}section+section{border-top:3px solid #8888;margin-top:3rem}
"""


@functools.cache
def words() -> dict[str, Any]:
    """Words of the page by key and language; heads of columns under ``column``, words in the rows under ``value``."""
    return tomllib.loads(_WORDS.read_text(encoding="utf-8"))


def page_of(data: Mapping[str, Any]) -> str:
    """The copy as one HTML page."""
    nav = " · ".join(f'<a href="#{tag}" lang="{tag}">{_NAMES[name]}</a>' for name, tag in _TAGS.items())
    sections = "".join(_section(data, language) for language in LANGUAGES)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    title = " / ".join(words()["title"][language] for language in LANGUAGES)
    return (
        f'<!doctype html><html lang="zh-Hans"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><nav>{nav}</nav>{sections}</body></html>"
    )


def _section(data: Mapping[str, Any], language: str) -> str:
    said = {key: row[language] for key, row in words().items() if key not in ("column", "value")}
    parts = [
        f"<h1>{said['title']}</h1><p>{said['intro']}</p>",
        f"<p>{escape(str(data['made_at']))} · {escape(data['subject'])}</p>",
        _heading(said["profile"], _profile(data["profile"], language), said),
        _heading(said["records"], _table(_records(data["records"], language), language), said),
    ]
    for name in _TABLES:
        parts.append(_heading(said[name], _table(data.get(name, []), language), said))
    others = [{"part": name, "what": row} for name in sorted(data.keys() - _KNOWN) for row in data[name]]
    if others:
        parts.append(_heading(said["others"], _table(others, language), said))
    tag = _TAGS[language]
    return f'<section id="{tag}" lang="{tag}">{"".join(parts)}</section>'


def _heading(title: str, body: str, said: Mapping[str, str]) -> str:
    return f"<h2>{title}</h2>{body or '<p>' + said['nothing'] + '</p>'}"


def _profile(profile: Mapping[str, str], language: str) -> str:
    rows = "".join(
        f"<tr><th>{escape(_label(name, language))}</th><td>{escape(value)}</td></tr>" for name, value in profile.items()
    )
    return f"<table>{rows}</table>" if rows else ""


def _records(records: Iterable[Mapping[str, Any]], language: str) -> list[dict[str, Any]]:
    colon = ": " if language == "en" else "："
    return [
        {
            **{name: row[name] for name in ("came_at", "kind", "channel", "basis", "notice")},
            "values": "\n".join(
                f"{_label(name, language)}{colon}{held['given'] or held['normal']}"
                for name, held in row["values"].items()
            ),
        }
        for row in records
    ]


def _table(rows: Iterable[Mapping[str, Any]], language: str) -> str:
    listed = [{name: value for name, value in row.items() if name not in _LEFT_TO_DATA} for row in rows]
    if not listed:
        return ""
    names = list(dict.fromkeys(name for row in listed for name, value in row.items() if value not in (None, "", [])))
    heads = words()["column"]
    head = "".join(f"<th>{escape(heads[name][language] if name in heads else name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{_text(name, row.get(name), language)}</td>" for name in names) + "</tr>"
        for row in listed
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(column: str, value: Any, language: str) -> str:
    """A cell; purposes and fields by their names in that language."""
    if value in (None, "", []):
        return "—"
    if column == "purpose" and value != PUBLIC_INFORMATION:  # what somebody objects to may be no purpose
        return escape(installation().rules.purposes[str(value)].label(language))
    if column in ("fields", "compared"):
        return escape(", ".join(_label(name, language) for name in value))
    if isinstance(value, list):
        return escape(", ".join(_word(str(one), language) for one in value))
    if isinstance(value, str) and column in (*_OURS, "purpose"):
        return escape(_word(value, language))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return escape(text).replace("\n", "<br>")


def _word(word: str, language: str) -> str:
    held = words()["value"].get(word)
    return str(held[language]) if held else word


def _label(name: str, language: str) -> str:
    return installation().rules.dictionary.field(name).label(language)
