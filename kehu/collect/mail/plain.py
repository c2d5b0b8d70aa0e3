"""HTML of strangers as text: nothing of it is fetched, run or shown, and no input takes longer than its length."""

from __future__ import annotations

import html
import re
from typing import Final

_LEFT_OUT: Final = ("script", "style", "head", "title", "template", "noscript", "svg", "math")
_BREAKS: Final = frozenset(
    {"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "hr", "blockquote"}
)
_NAME: Final = re.compile(r"/?\s*([A-Za-z][A-Za-z0-9]{0,15})")
_SPACE: Final = re.compile(r"[ \t\f\v\u00a0\u200b\ufeff]{1,}")


def text_of_html(markup: str) -> str:
    """What a reader would see of it, line by line."""
    lowered = markup.casefold() if len(markup.casefold()) == len(markup) else markup.lower()
    if len(lowered) != len(markup):  # letters that change their number: places would be off
        lowered = markup
    parts: list[str] = []
    at = 0
    while (opened := markup.find("<", at)) >= 0:
        parts.append(html.unescape(markup[at:opened]))
        if markup.startswith("<!--", opened):
            closed = markup.find("-->", opened + 4)
            at = closed + 3 if closed >= 0 else len(markup)
            continue
        closed = markup.find(">", opened)
        if closed < 0:
            at = len(markup)
            break
        name = _name(markup[opened + 1 : min(closed, opened + 24)])
        at = closed + 1
        if name in _LEFT_OUT and not markup.startswith("</", opened):
            ended = lowered.find(f"</{name}", at)
            if ended < 0:
                at = len(markup)
                break
            at = max(markup.find(">", ended), ended) + 1
        elif name in _BREAKS:
            parts.append("\n")
    parts.append(html.unescape(markup[at:]))
    return "\n".join(line for raw in "".join(parts).split("\n") if (line := _SPACE.sub(" ", raw).strip()))


def _name(tag: str) -> str:
    found = _NAME.match(tag)
    return found[1].lower() if found else ""
