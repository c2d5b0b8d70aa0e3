"""The documentation says what is: generated pages are current, links lead somewhere, every command and option exists."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import click
import pytest

from kehu.doors.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
sys.path.insert(0, str(ROOT))
ENVIRONMENT = ROOT / "docs" / "reference" / "environment.md"


def test_generated_pages_are_current():
    from scripts import reference

    stale = [name for name in reference.MADE if reference.page(name) != (reference.PAGES / name).read_text("utf-8")]
    assert not stale, "run scripts/reference.py: " + ", ".join(stale)


def test_every_command_has_its_section():
    from scripts.reference import leaves

    text = (ROOT / "docs" / "reference" / "command-line.md").read_text("utf-8")
    assert set(re.findall(r"^## (kehu .+)$", text, re.M)) == {words for words, _ in leaves(main)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / target).resolve().exists(), target


def lines(text: str) -> list[str]:
    """Commands of a page, from fences and from inline code, put on one line."""
    fences = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    inline = re.findall(r"`(kehu [^`]+)`", re.sub(r"^```\w*\n.*?^```", "", text, flags=re.M | re.S))
    found = [line for block in fences for line in block.replace("\\\n", " ").splitlines()] + [
        " ".join(one.split()) for one in inline
    ]
    commands = []
    for line in found:
        for part in re.split(r"\||\$\(|;|&&", line):
            words = part.strip().removeprefix("exec ").strip()
            if words.startswith("kehu "):
                commands.append(re.split(r"\s#|\)|>|<<", words)[0].strip(' "'))
    return commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page):
    for line in lines(page.read_text("utf-8")):
        words = shlex.split(line.replace("…", "").replace("'", ""), posix=True)[1:]
        held: click.Command = main
        while isinstance(held, click.Group) and words:
            if held.name == "import" and words[0] not in held.commands:
                held = held.commands["files"]
                break
            if words[0].startswith("-") or words[0] in ("COMMAND", "*"):
                break
            assert words[0] in held.commands, line
            held = held.commands[words.pop(0)]
        there = {name for option in held.params for name in option.opts} | {"--help", "-h", "--version", "--json"}
        assert not [word for word in words if word.startswith("--") and word not in there], line


def test_every_setting_is_documented():
    source = "".join(path.read_text("utf-8") for path in (ROOT / "kehu").rglob("*.py"))
    named = set(re.findall(r"[\"'](KEHU_[A-Z_]+)[\"']", source))
    assert named <= set(re.findall(r"KEHU_[A-Z_]+", ENVIRONMENT.read_text("utf-8")))


def test_tests_that_a_page_names_are_here():
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/reference/channels.md").read_text(encoding="utf-8")))
    defined = re.findall(
        r"def (test_\w+)", "".join(page.read_text(encoding="utf-8") for page in (ROOT / "tests").rglob("*.py"))
    )
    assert len(named) > 30 and named - set(defined) == set()
