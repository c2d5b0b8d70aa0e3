"""Write the parts of docs/reference that are read off the code: ``python scripts/reference.py [--check]``.

A page begins with what people wrote; everything from the mark on is made here, and a test compares it.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = ROOT / "docs" / "reference"
MARK: Final = "<!-- from here on written by scripts/reference.py -->"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.host.settings")
sys.path.insert(0, str(ROOT))


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines) + "\n"


def leaves(group: click.Group, before: str = "kehu") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its words."""
    for name, held in group.commands.items():
        words = f"{before} {name}"
        if isinstance(held, click.Group):
            yield from leaves(held, words)
        else:
            yield words.removesuffix(" files"), held


def commands() -> str:
    """Every command with its help, its options and its example."""
    from kehu.doors.cli.main import main

    return "\n".join(_command(words, held) for words, held in leaves(main))


def _command(words: str, held: click.Command) -> str:
    context = click.Context(held, info_name=words)
    usage = " ".join([words, *(p.make_metavar(context) for p in held.params if isinstance(p, click.Argument))])
    rows = [_option(p) for p in held.params if isinstance(p, click.Option) and p.name != "as_json"]
    parts = [f"## {words}", (held.help or "").strip(), f"```\n{usage}\n```"]
    if rows:
        parts.append(table(["option", ""], rows).rstrip())
    return "\n\n".join([*parts, (held.epilog or "").replace("Example: ", "Example: `", 1) + "`"]) + "\n"


def _option(option: click.Option) -> list[str]:
    names = ", ".join(f"`{name}`" for name in option.opts)
    kind = option.type
    value = "" if option.is_flag else option.metavar or getattr(kind, "name", "text").upper()
    if isinstance(kind, click.Choice):
        value = " \\| ".join(str(one) for one in kind.choices)
    notes = [option.help or ""]
    if option.required:
        notes.append("Required.")
    if option.multiple:
        notes.append("May stand several times.")
    return [f"{names} {value}".strip(), " ".join(filter(None, notes))]


def dictionary() -> str:
    """Every field, by category."""
    from kehu.govern.dictionary import Dictionary

    parts = []
    for category, fields in Dictionary.load().by_category.items():
        rows = [
            [
                f"`{held.name}`", held.labels["en"], held.labels["zh-hans"], str(held.level), held.type,
                ", ".join(held.search) or "—", held.mask + (f" ({held.sensitive})" if held.sensitive else ""),
                "event" if held.event else "",
            ]
            for held in fields
        ]  # fmt: skip
        head = ["field", "English", "中文", "level", "type", "search", "mask", ""]
        parts.append(f"## {category}\n\n{table(head, rows)}")
    return "\n".join(parts)


def purposes() -> str:
    """Every purpose: its ground under each law, who may claim it, its least fields; then who may do which act."""
    from kehu.govern.purposes import load_purposes
    from kehu.govern.slugs import ROLES
    from kehu.guard.gate.acts import ACTS

    held = load_purposes()
    packs = [name for name in next(iter(held.values())).grounds if name != "house"]
    rows = [
        [f"`{slug}`", one.labels["en"], *(one.grounds[pack] for pack in packs), one.grounds["house"],
         ", ".join(sorted(one.roles)) or "—", str(one.retention_days)]
        for slug, one in held.items()
    ]  # fmt: skip
    parts = ["## Purposes\n\n" + table(["purpose", "", *packs, "elsewhere", "roles", "days kept"], rows)]
    rows = [[f"`{act}`", *("yes" if role in roles else "" for role in ROLES)] for act, roles in ACTS.items()]
    parts.append("## Acts\n\nWhat is no read, and who may do it.\n\n" + table(["act", *ROLES], rows))
    parts.append("## Least fields\n")
    parts += [f"- **{slug}**: {', '.join(sorted(one.least))}" for slug, one in held.items()]
    return "\n".join(parts) + "\n"


def policies() -> str:
    """Every policy by law: its article and its words."""
    from kehu.guard.gate.policies import PolicySet

    rules = PolicySet.load(ROOT / "policies")
    parts = []
    by_law: dict[str, list[list[str]]] = {}
    for name in rules:
        text = rules.text(name)
        by_law.setdefault(name.partition(".")[0], []).append([f"`{name}`", text.article, text.reason, text.remedy])
    for law, rows in by_law.items():
        parts.append(f"## {law}\n\n" + table(["policy", "article", "reason", "remedy"], rows))
    return "\n".join(parts)


def api() -> str:
    """Every operation of the API, and every problem it can answer with."""
    from kehu.doors import problems
    from kehu.doors.api.urls import api as held

    schema: dict[str, Any] = held.get_openapi_schema(path_prefix="/api/v1/")
    rows = [
        [f"`{method.upper()} {path}`", one["summary"], one["description"].replace("\n", " ")]
        for path, operations in schema["paths"].items()
        for method, one in operations.items()
    ]
    parts = ["## Operations\n\n" + table(["operation", "", ""], rows)]
    known = sorted(problems.table().items(), key=lambda item: (item[1]["status"], item[0]))
    words = [[f"`{code}`", str(row["status"]), str(row["exit"]), row["en"]] for code, row in known]
    parts.append(
        "## Problems\n\nThe same codes at the command line; `exit` is its exit code.\n\n"
        + table(["code", "status", "exit", "message"], words)
    )
    return "\n".join(parts)


def promises() -> str:
    """Every promise, the tests that hold it, and the changes they were seen to notice."""
    rows = []
    for one in tomllib.loads((ROOT / "tests" / "promises.toml").read_text(encoding="utf-8"))["promise"]:
        tests = ", ".join(f"`{test.removeprefix('tests/')}`" for test in one["tests"])
        rows.append([one["id"], one["words"], tests, "; ".join(broken["how"] for broken in one["broken"])])
    return table(["", "promise", "held by", "noticed when"], rows)


def rules() -> str:
    """Every matter of the law, and where its rule is kept."""
    rows = []
    for one in tomllib.loads((ROOT / "policies" / "rules.toml").read_text(encoding="utf-8"))["row"]:
        kept = [", ".join(f"`{name}`" for name in one["policies"]), one.get("elsewhere", "")]
        tests = ", ".join(f"`{test.removeprefix('tests/')}`" for test in one["tests"])
        rows.append([one["matter"], one["rule"], "; ".join(filter(None, kept)), tests, one.get("open", "")])
    return table(["matter", "rule", "kept by", "tests", "open"], rows)


def laws() -> str:
    """Every row of every law, its article, and whether its text was read; then how each counts."""
    from kehu.govern.packs import KINDS, law_packs

    counts, parts = [], []
    for id, pack in law_packs().items():
        rows = [(kind, row) for kind in KINDS for row in pack.rows(kind)]
        read = sum(row.read for _, row in rows)
        counting = f"{pack.counting.words['en']} ({pack.counting.article}, {pack.counting.source})"
        counts.append([id, pack.label["en"], str(pack.version), str(read), str(len(rows) - read), pack.zone, counting])
        lines = [
            [kind, f"`{row.id}`", row.words["en"], row.article, "read" if row.read else f"unverified ({row.source})"]
            for kind, row in rows
        ]
        parts.append(f"## {id}\n\n" + table(["kind", "row", "rule", "article", "text"], lines))
    head = ["", "law", "version", "read", "unverified", "zone", "counting"]
    return "\n".join(["## Packs\n\n" + table(head, counts), *parts])


def schema() -> str:
    """The form of a pack, as it ships beside the packs."""
    from kehu.govern.packs import schema as form

    return json.dumps(form(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


MADE: Final[dict[str, Callable[[], str]]] = {
    "command-line.md": commands,
    "dictionary.md": dictionary,
    "purposes.md": purposes,
    "policies.md": policies,
    "api.md": api,
    "promises.md": promises,
    "rules.md": rules,
    "laws.md": laws,
}


def page(name: str) -> str:
    """A page as it should be: what people wrote, the mark, and what the code says."""
    written, mark, _ = (PAGES / name).read_text(encoding="utf-8").partition(MARK)
    if not mark:
        raise ValueError(f"{name}: the mark is missing")
    return f"{written}{MARK}\n\n{MADE[name]().rstrip()}\n"


def main() -> None:
    """Write every page, or say which are not current (exit code 1)."""
    import django

    django.setup()
    form = ROOT / "laws" / "pack.schema.json"
    if "--check" not in sys.argv:
        form.write_text(schema(), encoding="utf-8")
    stale = [name for name in MADE if page(name) != (PAGES / name).read_text(encoding="utf-8")]
    if "--check" in sys.argv:
        print("\n".join(f"not current: docs/reference/{name}" for name in stale) or "current")
        sys.exit(bool(stale))
    for name in stale:
        (PAGES / name).write_text(page(name), encoding="utf-8")
    print("written: " + (", ".join(stale) or "nothing, all is current"))


if __name__ == "__main__":
    main()
