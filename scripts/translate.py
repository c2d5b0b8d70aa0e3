"""Words of the pages: ``python scripts/translate.py`` brings every catalogue up to date, ``--check`` only says whether it is.

People write English in the code and templates and Simplified Chinese in ``locale/zh_Hans/LC_MESSAGES/django.po``.
Traditional Chinese is derived from it by OpenCC and the glossary below; an entry whose translator's comment says
``keep`` is left as a person wrote it. Each package with a ``locale`` folder owns the texts of the files under it; what the
rooms below say of how the system runs (``Finding``, ``Said``) is the system page's, for they know no language.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import opencc
import polib
from django.conf import settings
from django.utils.translation.template import templatize

ROOT: Final = Path(__file__).resolve().parents[1]
ROOMS: Final = ROOT / "kehu" / "doors"
# after OpenCC's s2twp: what the product says otherwise, or what OpenCC takes for another word
GLOSSARY: Final = {
    "使用者": "用戶", "訪問": "存取", "許可權": "權限", "稽核": "審核", "會話": "對話", "合同": "合約", "賬本": "帳本",
    "賬戶": "帳戶", "登入名": "登入名稱", "人員": "人員", "資料表": "資料表", "專案": "項目", "撥出": "撥出",
    "導出": "匯出", "導入": "匯入", "隱私": "隱私", "程序": "程式",
    "質量": "品質", "營銷": "行銷", "門店": "門市", "型別": "類型", "程式碼": "代碼", "釋出": "發布", "平臺": "平台",
    "賬號": "帳號", "隻為": "只為", "併發布": "並發布", "併發信": "並發信", "併發出": "並發出",
    "帳本里": "帳本裡", "天后": "天後", "得采取": "得採取",
    "“": "「", "”": "」", "‘": "『", "’": "』",
}  # fmt: skip
_SINGULAR: Final = {"_": 0, "gettext": 0, "gettext_lazy": 0, "gettext_noop": 0}
_PLURAL: Final = {"ngettext": (0, 1), "ngettext_lazy": (0, 1)}
_CONTEXT: Final = {"pgettext": (0, 1), "pgettext_lazy": (0, 1)}
_FOUND: Final = {"Finding": (2, 3), "Said": (0,)}
SYSTEM: Final = ROOMS / "web" / "system"
_CALL: Final = re.compile(
    r"""\b(?:gettext|ngettext|pgettext|_)\((?:\s*u?(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")\s*,?|[^()'"]*)*\)"""
)
_HOLES: Final = re.compile(r"%\(\w+\)[sd]|\{\w*\}")


@dataclass(frozen=True, slots=True)
class Text:
    """One text of the code: its context, itself, and its plural."""

    msgid: str
    plural: str = ""
    context: str | None = None


def texts_of(package: Path) -> list[Text]:
    """Every text of a package, in the order of its files; packages with a ``locale`` of their own are left out."""
    inner = [folder.parent for folder in package.rglob("locale") if folder.parent != package]
    found: dict[Text, None] = {}
    for path in sorted([*package.rglob("*.py"), *package.rglob("*.html")]):
        if any(path.is_relative_to(folder) for folder in inner):
            continue
        source = path.read_text(encoding="utf-8")
        if path.suffix == ".html":
            source = "\n".join(call.group(0) for call in _CALL.finditer(templatize(source)))
        found.update(dict.fromkeys(_calls(source)))
    if package == SYSTEM:
        found.update(dict.fromkeys(_found()))
    return list(found)


def _found() -> Iterator[Text]:
    """What the rooms below say of how the system runs, where they find it."""
    for path in sorted(ROOMS.parent.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if path.is_relative_to(ROOMS) or not ("kehu.host.checks" in source or "class Said" in source):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for place in _FOUND.get(node.func.id, ()):
                    said = node.args[place]
                    if isinstance(said, ast.Constant) and isinstance(said.value, str) and said.value:
                        yield Text(said.value)


def _calls(source: str) -> Iterator[Text]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        held = [a.value if isinstance(a, ast.Constant) and isinstance(a.value, str) else None for a in node.args]
        if name in _SINGULAR and held and held[0]:
            yield Text(held[0])
        elif name in _PLURAL and len(held) > 1 and held[0] and held[1]:
            yield Text(held[0], held[1])
        elif name in _CONTEXT and len(held) > 1 and held[0] and held[1]:
            yield Text(held[1], context=held[0])


def simplified(package: Path) -> polib.POFile:
    """The Simplified catalogue with exactly the texts of the package, what is translated kept."""
    path = _po(package, "zh_Hans")
    old = polib.pofile(str(path)) if path.exists() else polib.POFile()
    made = _empty("zh_Hans")
    for text in texts_of(package):
        held = old.find(text.msgid, msgctxt=text.context or False)
        entry = polib.POEntry(msgid=text.msgid, msgctxt=text.context, tcomment=held.tcomment if held else "")
        if text.plural:
            entry.msgid_plural = text.plural
            entry.msgstr_plural = {0: held.msgstr_plural.get(0, held.msgstr) if held else ""}
        else:
            entry.msgstr = held.msgstr if held else ""
        made.append(entry)
    return made


def traditional(package: Path, source: polib.POFile) -> polib.POFile:
    """The Traditional catalogue: what a person wrote there is kept, everything else is derived."""
    path = _po(package, "zh_Hant")
    old = polib.pofile(str(path)) if path.exists() else polib.POFile()
    made, converter = _empty("zh_Hant"), opencc.OpenCC("s2twp")

    def derive(text: str) -> str:
        text = converter.convert(text)
        for found, wanted in GLOSSARY.items():
            text = text.replace(found, wanted)
        return text

    for entry in source:
        held = old.find(entry.msgid, msgctxt=entry.msgctxt or False)
        if held is not None and "keep" in (held.tcomment or ""):
            made.append(held)
            continue
        derived = polib.POEntry(msgid=entry.msgid, msgctxt=entry.msgctxt, msgstr=derive(entry.msgstr))
        if entry.msgid_plural:
            derived.msgid_plural = entry.msgid_plural
            derived.msgstr_plural = {0: derive(entry.msgstr_plural.get(0, ""))}
        made.append(derived)
    return made


def faults(catalogue: polib.POFile) -> list[str]:
    """Texts without translation, or with other holes to fill than the original has."""
    found = []
    for entry in catalogue:
        words = entry.msgstr_plural.get(0, "") if entry.msgid_plural else entry.msgstr
        if not words:
            found.append(f"untranslated: {entry.msgid!r}")
        elif set(_HOLES.findall(words)) != set(_HOLES.findall(entry.msgid_plural or entry.msgid)):
            found.append(f"other holes: {entry.msgid!r}")
    return found


def packages() -> list[Path]:
    """Packages with words of their own."""
    return sorted(folder.parent for folder in ROOMS.rglob("locale") if folder.is_dir())


def stale(package: Path) -> list[str]:
    """What of a package's words is not up to date; empty where all is."""
    hans = simplified(package)
    found = faults(hans)
    for language, wanted in (("zh_Hans", hans), ("zh_Hant", traditional(package, hans))):
        path = _po(package, language)
        if not path.exists() or path.read_text(encoding="utf-8") != _written(wanted):
            found.append(f"{path.relative_to(ROOT)} is not what the code says: run scripts/translate.py")
        compiled = path.with_suffix(".mo")
        if not compiled.exists() or compiled.read_bytes() != wanted.to_binary():
            found.append(f"{compiled.relative_to(ROOT)} is not current: run scripts/translate.py")
    return found


def contradictions() -> list[str]:
    """Texts that packages translate otherwise: the site reads one catalogue made of all, so one of them is never seen."""
    found: dict[tuple[str | None, str], str] = {}
    said = []
    for package in packages():
        for entry in polib.pofile(str(_po(package, "zh_Hans"))):
            words = entry.msgstr_plural.get(0, "") if entry.msgid_plural else entry.msgstr
            if found.setdefault((entry.msgctxt, entry.msgid), words) != words:
                said.append(
                    f"translated otherwise elsewhere: {entry.msgid!r} in {package.name}; give one of them a context"
                )
    return said


def write(package: Path) -> list[str]:
    """Write a package's catalogues; returns what still wants a person."""
    hans = simplified(package)
    for language, made in (("zh_Hans", hans), ("zh_Hant", traditional(package, hans))):
        path = _po(package, language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_written(made), encoding="utf-8")
        path.with_suffix(".mo").write_bytes(made.to_binary())
    return faults(hans)


def _written(catalogue: polib.POFile) -> str:
    return str(catalogue) + "\n"


def _po(package: Path, language: str) -> Path:
    return package / "locale" / language / "LC_MESSAGES" / "django.po"


def _empty(language: str) -> polib.POFile:
    made = polib.POFile(wrapwidth=0)
    made.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Language": language,
        "Plural-Forms": "nplurals=1; plural=0;",
    }
    return made


def main() -> int:
    """Write, or with ``--check`` compare; 1 where something wants a person."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="change nothing")
    check = arguments.parse_args().check
    if not settings.configured:
        settings.configure(USE_I18N=True)
    found = [line for package in packages() for line in (stale(package) if check else write(package))]
    found += contradictions()
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
