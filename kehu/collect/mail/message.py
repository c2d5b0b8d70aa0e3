"""What one mail says, read so that no mail can do more than be read: bounded, and never trusted to be what it claims."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import re
from collections.abc import Iterator
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.policy import compat32
from email.utils import getaddresses, parsedate_to_datetime
from io import BytesIO
from typing import Any, Final

from kehu.collect.mail.bounced import bounced
from kehu.collect.mail.plain import text_of_html
from kehu.collect.readers.encoding import detect

MOST: Final = 10 << 20
"""Bytes of a mail that is fetched whole; of a larger one only its head."""
LONGEST: Final = 20_000
"""Characters of its text that are kept."""
_MOST_PARTS: Final = 200
_DEEPEST: Final = 12
_MOST_BODY: Final = 512 << 10
_MOST_NAMED: Final = 20
_SUBJECT: Final = 200
_HEAD: Final = 256 << 10
_TOLD: Final = 16 << 10
# half a character (\ud800-\udfff) is none: nothing that holds one can be written; nor is \ufffd, which stands for any that was
# not read, so that two writers would be one
_ADDRESS: Final = re.compile(
    r"[^@\s<>\"(),:;\\\x00-\x20\x7f-\x9f\ud800-\udfff\ufffd]{1,64}@[A-Za-z0-9.\-\u0080-\ud7ff\ue000-\ufffc]{3,253}"
)
# what is invisible or turns the order of reading round has no place in a name or subject
_HIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]+")
# decoders of Python that are no charsets, take longer than their input, or make half characters of it
_NO_CHARSET: Final = frozenset(
    {"idna", "punycode", "unicode-escape", "unicode_escape", "raw-unicode-escape", "raw_unicode_escape", "utf-7"}
)

# what programs write under a charset's name, by Python's name of it: the larger set that the WHATWG's Encoding Standard reads
_WRITTEN: Final = {
    "ascii": "utf-8", "gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "shift_jis": "cp932", "euc_kr": "cp949",
    "iso8859-1": "cp1252", "iso8859-9": "cp1254",
}  # fmt: skip
_ENCODED: Final = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?]*\?=(?:\s+=\?[^?\s]+\?[bBqQ]\?[^?]*\?=)*")


def read_mail(raw: bytes, *, whole: bool = True) -> dict[str, Any]:
    """A mail as the inbox keeps it: ``own``, ``from``, ``at``, ``kind``, ``subject``, ``text``, ``attached``, ``cut``.

    Of a report that letters did not arrive also ``bounced``: to whom, and how.

    Args:
        raw: the message, or its head.
        whole: False where only the head was fetched.
    """
    parsed, whole = _parsed(raw, whole)
    sender, date = _sender(parsed), _date(parsed)
    said: dict[str, Any] = {
        "own": _own(parsed, raw, sender, date), "from": sender, "at": date,
        "kind": "email-automatic" if _automatic(parsed) else "email",
        "subject": _HIDDEN.sub(" ", _decoded(_head(parsed, "Subject"))).strip()[:_SUBJECT],
    }  # fmt: skip
    if not whole:
        return said | {"text": "", "attached": [], "cut": True}
    if failed := bounced(parsed):
        said["bounced"] = failed
    text, attached, cut = _contents(parsed)
    return said | {"text": text, "attached": attached, "cut": cut}


def unread_mail(raw: bytes) -> dict[str, Any]:
    """Of a mail that could not be read, what it takes to find it in its mailbox: ``own``, ``from`` and its ``head`` as text."""
    sender = None
    with contextlib.suppress(Exception):  # the very thing that could not be read, maybe
        sender = _sender(_only_head(raw))
    head = re.split(rb"\r?\n\r?\n", raw[:_HEAD], maxsplit=1)[0].decode("utf-8", "replace")
    own = hashlib.sha256(b"\0" + raw).hexdigest()
    return {"own": own, "from": sender, "head": _CONTROL.sub(" ", head.replace("\r\n", "\n"))[:LONGEST]}


def _parsed(raw: bytes, whole: bool) -> tuple[Message, bool]:
    """The message; of one that nests deeper than can be read, its head."""
    try:
        return (BytesParser(policy=compat32).parsebytes(raw), True) if whole else (_only_head(raw), False)
    except (RecursionError, MessageError, ValueError, LookupError):
        return _only_head(raw), False


def _only_head(raw: bytes) -> Message:
    return BytesHeaderParser(policy=compat32).parsebytes(raw[:_HEAD])


def _head(message: Message, name: str) -> str:
    return next(iter(_heads(message, name)), "")


def _heads(message: Message, name: str, *, guess: bool = True) -> list[str]:
    """The heads of a name. What stands in one unencoded is UTF-8 (RFC 6532), else in the charset of the letter.

    Args:
        guess: where it names none, read it as what it looks like.
    """
    held = [str(value)[:4_000] for one, value in message.raw_items() if one.lower() == name.lower()]
    return [
        one if one.isascii() else _unencoded(one.encode("ascii", "surrogateescape"), message, guess) for one in held
    ]


def _unencoded(content: bytes, message: Message, guess: bool) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        charset = next((held for part in _leaves(message) if isinstance(held := part.get_param("charset"), str)), None)
        return _as_text(content, charset, guess=guess)


def _sender(message: Message) -> str | None:
    """Who says they wrote it: one address, or nobody. Two are none: readers would not see the same."""
    heads = _heads(message, "From", guess=False)  # letters that were guessed are nobody's name
    if len(heads) != 1:
        return None
    # the address is read before anything is decoded: a name may be encoded to look like one
    found = [address for _, address in getaddresses([_unfolded(heads[0])]) if address]
    if len(found) != 1 or not _ADDRESS.fullmatch(found[0]):
        return None
    return found[0]


def _date(message: Message) -> str | None:
    try:
        held = parsedate_to_datetime(_head(message, "Date"))
        return held.isoformat() if held.tzinfo else held.isoformat() + "+00:00"
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _own(message: Message, raw: bytes, sender: str | None, date: str | None) -> str:
    """Its id: with who and when, so that a stranger's mail under the same id hides nobody's; without one, its bytes."""
    id = _unfolded(_head(message, "Message-ID")).strip()
    said = "\x1f".join((id, sender or "", date or "")).encode("utf-8", "surrogatepass") if id else b"\0" + raw
    return hashlib.sha256(said).hexdigest()


def _automatic(message: Message) -> bool:
    said = _head(message, "Auto-Submitted").strip().lower()
    return bool(said and said != "no") or _head(message, "Precedence").strip().lower() in ("bulk", "junk", "auto_reply")


def _unfolded(text: str) -> str:
    return re.sub(r"[\r\n]+[ \t]*", " ", text)


def _decoded(text: str) -> str:
    """A head's text, its encoded words decoded; what cannot be is as it came."""
    return _ENCODED.sub(_words, _unfolded(text))


def _words(found: re.Match[str]) -> str:
    """Encoded words that follow each other: a character may begin in one and end in the next."""
    try:
        return "".join(
            _as_text(part, charset) if isinstance(part, bytes) else part for part, charset in decode_header(found[0])
        )
    except (HeaderParseError, ValueError, LookupError):
        return found[0]


def _as_text(content: bytes, charset: str | None, *, guess: bool = True) -> str:
    try:
        held = codecs.lookup((charset or "utf-8").lower().removeprefix("x-"))
        # a charset, and none of the decoders that unpack or do other work
        name = _WRITTEN.get(held.name, held.name)
        if getattr(held, "_is_text_encoding", False) and held.name not in _NO_CHARSET and name != "utf-8":
            return content.decode(name, "replace")
    except (LookupError, ValueError):
        pass
    return _by_itself(content) if guess else content.decode("utf-8", "replace")


def _by_itself(content: bytes) -> str:
    """Text that names no charset, or UTF-8, which is written over anything: what its bytes say it is."""
    said = content.decode("utf-8", "replace")
    unread = said.count("\ufffd")
    if not unread or sum(character > "\x7f" for character in said) > 2 * unread:  # UTF-8 with a byte that is wrong
        return said
    found = detect(BytesIO(_sample(content)))
    return content[found.skip :].decode(found.codec, "replace")


def _sample(content: bytes) -> bytes:
    """Where it says something beyond ASCII, as much as tells: no letter of a stranger holds a worker up."""
    first = re.search(rb"[\x80-\xff]", content)
    at = first.start() if first else 0
    held = content[max(0, at - 80) : at + _TOLD]
    return held[: max(map(held.rfind, (b"\n", b" ", b"<"))) + 1 or None] if at + _TOLD < len(content) else held


def _contents(message: Message) -> tuple[str, list[str], bool]:
    """The text, what is attached by name, and whether something was cut."""
    plain = rich = ""
    attached, cut = list[str](), False
    for number, part in enumerate(_leaves(message)):
        if number == _MOST_PARTS:
            cut = True
            break
        kind, name = _kind(part), _file_name(part)
        if name is None and kind == "text/plain" and not plain:
            plain, cut = _body(part, cut)
        elif name is None and kind == "text/html" and not rich:
            rich, cut = _body(part, cut)
        elif len(attached) < _MOST_NAMED:
            attached.append(f"{name or kind} ({_size(part)})")
    text = plain.strip() or text_of_html(rich)
    text = _CONTROL.sub(" ", text.replace("\r\n", "\n"))
    return text[:LONGEST], attached, cut or len(text) > LONGEST


def _leaves(message: Message) -> Iterator[Message]:
    """Parts that hold something, in their order; what nests deeper than letters do is left out."""
    waiting = [(message, 0)]
    while waiting:
        part, depth = waiting.pop()
        held = part.get_payload() if part.is_multipart() else None
        if isinstance(held, list):
            if depth < _DEEPEST and part.get_content_maintype() == "multipart":
                waiting += [(one, depth + 1) for one in reversed(held[:_MOST_PARTS]) if isinstance(one, Message)]
            elif depth < _DEEPEST:
                yield part  # a message within: it is named, not read
        else:
            yield part


def _file_name(part: Message) -> str | None:
    """The name of an attached file; None: it is the letter itself."""
    try:
        heads = _readable(part)
        name = heads.get_param("filename", None, "Content-Disposition")
        name = heads.get_param("name") if name is None else name
    except (ValueError, LookupError, TypeError):
        name = "?"
    disposition = str(part.get("Content-Disposition") or "").strip().lower()
    if name is None and not disposition.startswith("attachment"):
        return None
    if isinstance(name, tuple):  # as RFC 2231 writes it: its charset, its language, its bytes
        charset, _, content = name
        said = _as_text(content[:4_000].encode("raw-unicode-escape"), charset)
    else:
        said = _decoded(str(name or "")[:4_000])
    # a name, and no way to anywhere
    return re.split(r"[/\\]", _HIDDEN.sub("", said))[-1].strip()[:120] or "?"


def _readable(part: Message) -> Message:
    """A part's heads that name its file, with what stands unencoded in them read."""
    said = {name: head for name in ("Content-Disposition", "Content-Type") for head in _heads(part, name)[:1]}
    if all(head.isascii() for head in said.values()):
        return part
    made = Message(policy=compat32)
    for name, head in said.items():
        made[name] = _unfolded(head)
    return made


def _sent(part: Message) -> str:
    """A part's content as it stands in the letter, a character for each byte.

    ``get_payload()`` would decode it by whatever charset a stranger names, and fail where that is none.
    """
    held = vars(part)["_payload"]
    return held.encode("ascii", "surrogateescape").decode("latin-1") if isinstance(held, str) else ""


def _kind(part: Message) -> str:
    return _HIDDEN.sub("", part.get_content_type())[:60]


def _body(part: Message, cut: bool) -> tuple[str, bool]:
    held = _sent(part)
    if len(held) > 2 * _MOST_BODY:  # before it is decoded; Base64 in whole groups of four
        part.set_payload(held[: 2 * _MOST_BODY - 2 * _MOST_BODY % 4])
        cut = True
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        content = None
    body = content if isinstance(content, bytes) else held.encode("latin-1")
    charset = part.get_param("charset")
    return _as_text(body[:_MOST_BODY], charset if isinstance(charset, str) else None), cut or len(body) > _MOST_BODY


def _size(part: Message) -> str:
    size = len(_sent(part))
    encoded = str(part.get("Content-Transfer-Encoding") or "").strip().lower() == "base64"
    return f"{_kind(part)}, {max(1, (size * 3 // 4 if encoded else size) >> 10)} KB"
