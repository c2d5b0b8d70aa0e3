"""The script for web pages, as a browser gets it: without its comments, and held as long as its address says which one it is."""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path
from typing import Final

from kehu.collect.channels import Request, Response, problem

SCRIPT: Final = "kehu.js"
_FILE: Final = Path(__file__).with_name(SCRIPT)
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_AN_HOUR: Final = "public, max-age=3600"
_AROUND_SIGNS: Final = re.compile(r'("[^"\n]*")| *([=<>?:&|{}(),;]+) *')  # a text in quotes stays as it is


def script(request: Request) -> Response:
    """Answer for the script. ``?v=`` and its digest: it never changes under that address; else it is looked at each hour."""
    if request.method not in ("GET", "HEAD"):
        return problem(405, "method_not_allowed", "GET is the only method here.", ("Allow", "GET, HEAD"))
    content, digest = served()
    headers = (
        ("Cache-Control", _FOR_GOOD if request.query.get("v") == digest else _AN_HOUR),
        ("ETag", f'"{digest}"'),
        # a page of any site may load it, and check it by an integrity digest of its own
        ("Access-Control-Allow-Origin", "*"),
        ("Cross-Origin-Resource-Policy", "cross-origin"),
    )
    if digest in request.headers.get("if-none-match", ""):
        return Response(304, b"", headers, "text/javascript; charset=utf-8")
    body = b"" if request.method == "HEAD" else content
    return Response(200, body, headers, "text/javascript; charset=utf-8")


@functools.cache
def served() -> tuple[bytes, str]:
    """The script without lines that only explain it and spaces that only part signs, and its digest."""
    lines = (line.strip() for line in _FILE.read_text(encoding="utf-8").splitlines())
    told = "\n".join(line for line in lines if line and not line.startswith("//"))
    content = _AROUND_SIGNS.sub(lambda found: found[1] or found[2], told).encode()
    return content, hashlib.sha256(content).hexdigest()[:16]
