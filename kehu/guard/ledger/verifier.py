#!/usr/bin/env python3
"""Check a proof from the ledger of a Kehu installation, without Kehu and without asking it.

    python verify.py proof.json --key LOGKEY
    python verify.py proof.json consistency.json --kept kept-checkpoint.txt

FILE is a proof of a row (``kehu ledger prove``, or a customer's download), a proof that the log only grew
(``kehu ledger consistency``) or a checkpoint. What you trust is the log's key (``--key``, from a place of its own, never
from the proof) or a checkpoint that you kept (``--kept``). Needs Python 3.9 and nothing else; where the package
``cryptography`` is there, it checks the signatures.

It is one file on purpose, however long: it is downloaded as it stands, and whoever reads it has read all that runs.

Exit code: 0 all of it is proved; 1 something does not hold; 2 it cannot be told (wrong usage, nothing to trust).
Formats: RFC 6962, C2SP signed-note, tlog-checkpoint and tlog-cosignature. Leakage: it reads the files named, sends
nothing anywhere, and prints no name and no id of anyone.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import os
import sys
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None  # type: ignore[assignment,misc]

PROVED, BROKEN, UNKNOWN = 0, 1, 2
LANGUAGES = ("en", "zh-hans", "zh-hant")
LEAF_COLUMNS = (
    "at", "entry", "actor", "human", "department", "purpose", "action", "decision", "detail", "subjects",
    "jurisdictions", "reach", "commitments", "mac",
)  # fmt: skip
PURPOSES = (
    "service", "fulfilment", "billing", "marketing", "personalisation", "analytics", "credit", "legal", "security",
    "accuracy", "rights-request", "claims", "complaints",
)  # fmt: skip
ACTIONS = (
    "read", "list", "find", "explain", "collect", "link", "export", "erase", "consent", "restrict", "object", "hold",
    "optout", "deceased", "request", "incident", "review", "sources", "quarantine", "read-ledger", "token", "staff",
    "rotate", "attest", "undo", "portal", "claim", "propose", "assess", "approve", "refuse", "retract",
    "match", "give", "", "", "", "", "", "contact", "subscribe", "retire", "withhold", "", "", "", "", "", "", "agree",
    "acknowledge", "train", "publish", "ask-grant", "grant", "deny-grant", "end-grant", "break-glass",
    "review-glass", "read-grant",
    "keep-access", "", "", "", "", "", "", "", "", "take-alert", "dismiss-alert", "mark", "unmark", "set-quota", "", "", "", "", "",
    "move-staff", "close-staff", "own", "propose-role", "approve-role", "refuse-role",
    "", "", "", "", "invite", "sign-on", "channel",
    "", "", "", "", "", "", "",
    "open-case", "freeze", "unfreeze", "hear-case", "answer-case", "decide-case", "measure-case", "close-case", "read-case",
    "forget-cases", "stop-source", "audit-source", "inform",
    "", "", "", "", "", "", "", "adopt-weights", "teach-weights", "", "", "", "correct", "tell", "", "", "",
    "measure", "quality-rule", "verify", "verify-policy", "verify-task", "bounce",
    "", "", "", "", "derive", "declare-trait", "retire-trait", "read-traits",
    "", "", "", "", "", "", "classify", "accept-finding", "dismiss-finding", "lower-field",
)  # fmt: skip
PACKS = ("CN", "EU", "US", "JP", "AU")
_LIMIT = 1 << 20  # bytes of a file: a proof has a few kilobytes
_DIGITS = 20  # of a number of rows: 64 bits
_NULL = b"\xff\xff\xff\xff"

# step: English, simplified and traditional Chinese
WORDS = {
    "leaf": (
        "Row: {action}, purpose {purpose}, at {at}, department no. {department}, {subjects} record(s) of people, laws: {laws}.",
        "记录：操作 {action}，目的 {purpose}，时间 {at}，部门编号 {department}，涉及 {subjects} 份个人记录，适用法律：{laws}。",
        "紀錄：操作 {action}，目的 {purpose}，時間 {at}，部門編號 {department}，涉及 {subjects} 份個人紀錄，適用法律：{laws}。",
    ),
    "decision": (
        "The row commits to the request itself; fields asked: {fields}.",
        "该记录锁定了请求本身；请求的字段：{fields}。",
        "該紀錄鎖定了請求本身；請求的欄位：{fields}。",
    ),
    "subject": (
        "The row is about this person: the commitment to their id is number {number} of {size} in the row.",
        "该记录涉及此人：其标识的承诺值是该记录 {size} 个中的第 {number} 个。",
        "該紀錄涉及此人：其識別碼的承諾值是該紀錄 {size} 個中的第 {number} 個。",
    ),
    "tree": (
        "The row stands in the log: it is number {number} of the {size} rows under the checkpoint.",
        "该记录在日志之中：是检查点所涵盖 {size} 行中的第 {number} 行。",
        "該紀錄在日誌之中：是檢查點所涵蓋 {size} 列中的第 {number} 列。",
    ),
    "retired": (
        "A retired row: its time was over, and its hash is all that is left. It says nothing of anybody.",
        "已退役的记录：保存期已满，仅保留其散列值，不说明任何人的任何情况。",
        "已退役的紀錄：保存期已滿，僅保留其雜湊值，不說明任何人的任何情況。",
    ),
    "same": (
        "It is the same row as in the other proof of number {number}.",
        "与另一份第 {number} 行的证明是同一记录。",
        "與另一份第 {number} 列的證明是同一紀錄。",
    ),
    "signature": (
        "The checkpoint of {size} rows is signed by the log {origin}.",
        "{size} 行的检查点由日志 {origin} 签名。",
        "{size} 列的檢查點由日誌 {origin} 簽章。",
    ),
    "cosigned": (
        "The witness {witness} saw this checkpoint at {at}.",
        "见证方 {witness} 于 {at} 见过此检查点。",
        "見證方 {witness} 於 {at} 見過此檢查點。",
    ),
    "grew": (
        "The log only grew: its first {old} rows of {new} are unchanged and in their place.",
        "日志只有增长：{new} 行中的前 {old} 行未变，位置未动。",
        "日誌只有增長：{new} 列中的前 {old} 列未變，位置未動。",
    ),
    "kept": (
        "It agrees with the checkpoint of {size} rows that you kept.",
        "与您保存的 {size} 行检查点一致。",
        "與您保存的 {size} 列檢查點一致。",
    ),
    "apart": (
        "Not compared with the checkpoint of {old} rows that you kept: give `kehu ledger consistency` between {old} and {new} too.",
        "未能与您保存的 {old} 行检查点比较：请同时提供 {old} 与 {new} 之间的 `kehu ledger consistency`。",
        "未能與您保存的 {old} 列檢查點比較：請同時提供 {old} 與 {new} 之間的 `kehu ledger consistency`。",
    ),
    "no-trust": (
        "Nothing to trust was given: everything above holds only if this is the log's key: {key} -- compare it with the"
        " published one and give it with --key.",
        "未提供可信依据：仅当下列密钥确属该日志时以上才成立：{key} —— 请与公布的密钥核对，并以 --key 给出。",
        "未提供可信依據：僅當下列金鑰確屬該日誌時以上才成立：{key} —— 請與公布的金鑰核對，並以 --key 給出。",
    ),
    "no-key": (
        "No key: give the log's with --key.", "没有密钥：请以 --key 给出日志的密钥。", "沒有金鑰：請以 --key 給出日誌的金鑰。",
    ),
    "no-subject": (
        "Whose proof is it? Give the person's id with --subject.",
        "这是谁的证明？请以 --subject 给出此人的标识。",
        "這是誰的證明？請以 --subject 給出此人的識別碼。",
    ),
    "no-row": (
        "No row given is shown to be about the person of --subject.",
        "所提供的内容中没有任何记录证明涉及 --subject 所指之人。",
        "所提供的內容中沒有任何紀錄證明涉及 --subject 所指之人。",
    ),
    "form": (
        "Not what it should be: {part}.", "格式不符：{part}。", "格式不符：{part}。",
    ),
    "bad-leaf": ("These bytes are no row of the ledger.", "这些字节不是日志中的一行。", "這些位元組不是日誌中的一列。"),
    "bad-decision": (
        "The request shown is not the one the row commits to.", "所示请求不是该记录锁定的请求。", "所示請求不是該紀錄鎖定的請求。",
    ),
    "bad-subject": (
        "The row is NOT shown to be about this person.", "未能证明该记录涉及此人。", "未能證明該紀錄涉及此人。",
    ),
    "other-subject": (
        "The proof is about another person than --subject.",
        "该证明针对的不是 --subject 所指之人。",
        "該證明針對的不是 --subject 所指之人。",
    ),
    "bad-tree": (
        "The row does NOT lead to the root of the checkpoint.", "该记录推导不出检查点的根。", "該紀錄推導不出檢查點的根。",
    ),
    "other-row": (
        "Two proofs of number {number}, and NOT the same row: one of the two logs is false.",
        "两份第 {number} 行的证明并非同一记录：其中一份日志为假。",
        "兩份第 {number} 列的證明並非同一紀錄：其中一份日誌為假。",
    ),
    "bad-signature": (
        "The checkpoint is NOT signed by the log's key.", "检查点不是由该日志的密钥签名。", "檢查點不是由該日誌的金鑰簽章。",
    ),
    "other-key": (
        "The file names another log key than --key.", "文件中的日志密钥与 --key 不同。", "檔案中的日誌金鑰與 --key 不同。",
    ),
    "bad-witness": (
        "The witness {witness} has not signed the checkpoint of {size} rows.",
        "见证方 {witness} 未签署 {size} 行的检查点。",
        "見證方 {witness} 未簽署 {size} 列的檢查點。",
    ),
    "bad-grew": (
        "The {new} rows do NOT begin with the {old} rows of before: something was changed, moved or taken out.",
        "{new} 行并非以原来的 {old} 行开头：有内容被改动、移位或删除。",
        "{new} 列並非以原來的 {old} 列開頭：有內容被改動、移位或刪除。",
    ),
    "fork": (
        "FORK: two different trees of {size} rows, both presented as this log.",
        "分叉：出现两棵不同的 {size} 行的树，都自称是此日志。",
        "分叉：出現兩棵不同的 {size} 列的樹，都自稱是此日誌。",
    ),
    "limits": (
        "What this cannot show: that no row was left out of the list you were given; that the installation's clock was right;"
        " which values were seen.",
        "以下内容无法由此证明：交给您的清单没有遗漏；系统时钟准确；看到了哪些值。",
        "以下內容無法由此證明：交給您的清單沒有遺漏；系統時鐘準確；看到了哪些值。",
    ),
    "end-0": ("Proved.", "已证明。", "已證明。"),
    "end-1": ("NOT TRUE: something does not hold.", "不成立：有内容不符。", "不成立：有內容不符。"),
    "end-2": ("Not proved: something is missing.", "未证明：缺少依据。", "未證明：缺少依據。"),
}  # fmt: skip


class Wrong(Exception):
    """A step that does not hold: the name of its words and what fills them."""

    def __init__(self, step: str, **names: object) -> None:
        super().__init__(step)
        self.step, self.names = step, names


class Report:
    """What was found, in the order found."""

    def __init__(self, language: str) -> None:
        self._language = LANGUAGES.index(language)
        self.lines: list[tuple[str, str, str]] = []
        self.row: dict[str, Any] = {}

    def add(self, result: str, step: str, **names: object) -> None:
        """One line: ``ok``, ``bad``, ``open`` (cannot be told) or ``note``."""
        self.lines.append((result, step, self.words(step, **names)))

    def words(self, step: str, **names: object) -> str:
        """A step in the reader's language."""
        return WORDS[step][self._language].format(**names)

    @property
    def code(self) -> int:
        """The exit code."""
        found = {result for result, _, _ in self.lines}
        return BROKEN if "bad" in found else UNKNOWN if "open" in found or "ok" not in found else PROVED


# --- the forms that things have; each raises Wrong("form") on anything else ---


def decode(text: Any, part: str) -> bytes:
    """Base64 in its one canonical spelling: no byte of a proof may be changed unseen."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise Wrong("form", part=part) from None
    if base64.b64encode(found).decode() != text:
        raise Wrong("form", part=part)
    return found


def hash_of(text: Any, part: str) -> bytes:
    """A SHA-256 in base64."""
    found = decode(text, part)
    if len(found) != 32:
        raise Wrong("form", part=part)
    return found


def hashes_of(values: Any, part: str) -> list[bytes]:
    """A path: at most 64 hashes."""
    if not isinstance(values, list) or len(values) > 64:
        raise Wrong("form", part=part)
    return [hash_of(value, part) for value in values]


def number_of(value: Any, part: str) -> int:
    """A whole number from 0."""
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise Wrong("form", part=part)
    return value


def only(document: dict[str, Any], *names: str) -> None:
    """Nothing but these members: a byte that nobody reads could be changed unseen."""
    for name in document:
        if name not in names:
            raise Wrong("form", part=name)


def part_of(document: dict[str, Any], name: str) -> Any:
    """A member that must be there."""
    if name not in document:
        raise Wrong("form", part=name)
    return document[name]


class Key(NamedTuple):
    """A verifier key ``name+hash+base64(type ‖ key)``: type 1 signs checkpoints, type 4 cosigns them."""

    name: str
    kind: int
    public: bytes
    text: str

    @property
    def hint(self) -> bytes:
        """Four bytes that stand before its signatures."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]


def key_of(text: Any) -> Key:
    """Read a verifier key."""
    parts = text.strip().split("+", 2) if isinstance(text, str) else []
    if len(parts) != 3 or not parts[0]:
        raise Wrong("form", part="key")
    blob = decode(parts[2], "key")
    if len(blob) != 33 or blob[0] not in (1, 4):
        raise Wrong("form", part="key")
    key = Key(parts[0], blob[0], blob[1:], text.strip())
    if key.hint.hex() != parts[1]:
        raise Wrong("form", part="key")
    return key


class Head(NamedTuple):
    """A checkpoint as read: nothing is checked yet."""

    origin: str
    size: int
    root: bytes
    signed: bytes
    signatures: tuple[tuple[str, bytes], ...]


def head_of(note: Any) -> Head:
    """Read a checkpoint: origin, size, root, other lines; an empty line; lines of signatures."""
    if not isinstance(note, str):
        raise Wrong("form", part="checkpoint")
    text, between, below = note.rstrip("\n").partition("\n\n")
    lines = text.split("\n")
    if not between or len(lines) < 3 or not lines[0] or "" in lines or not lines[1].isascii() or not lines[1].isdigit():
        raise Wrong("form", part="checkpoint")
    size = int(lines[1][: _DIGITS + 1])  # of more digits Python makes no number
    if str(size) != lines[1]:
        raise Wrong("form", part="checkpoint")
    signatures = []
    for line in below.split("\n"):
        words = line.split(" ")
        if len(words) != 3 or words[0] != "—":
            raise Wrong("form", part="checkpoint")
        signatures.append((words[1], decode(words[2], "checkpoint")))
    root = hash_of(lines[2], "checkpoint")
    return Head(lines[0], size, root, (text + "\n").encode(), tuple(signatures))


# --- hashes (RFC 6962, RFC 9162) ---


def leaf_hash(body: bytes) -> bytes:
    """Hash of a leaf."""
    return hashlib.sha256(b"\0" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root_from_path(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root an inclusion path leads to; None where it does not fit index and size (RFC 9162, 2.1.3.2)."""
    if index >= size:
        return None
    node, at, last = leaf, index, size - 1
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    return node if last == 0 else None


def grew(old: int, old_root: bytes, new: int, new_root: bytes, path: list[bytes]) -> bool:
    """Whether a tree begins with an older one (RFC 9162, 2.1.4.2)."""
    if old == new:
        return not path and old_root == new_root
    if not 0 < old < new:
        return False
    nodes = [old_root, *path] if old & (old - 1) == 0 else path
    if not nodes:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node_hash(node, before), node_hash(node, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, node)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def columns_of(leaf: bytes) -> dict[str, bytes | None]:
    """A row's columns: each its length (4 bytes, big-endian; all ones for null) and its bytes."""
    found: dict[str, bytes | None] = {}
    at = 0
    for name in LEAF_COLUMNS:
        head, at = leaf[at : at + 4], at + 4
        if len(head) < 4:
            raise Wrong("bad-leaf")
        if head == _NULL:
            found[name] = None
            continue
        end = at + int.from_bytes(head, "big")
        found[name], at = leaf[at:end], end
    if at != len(leaf):
        raise Wrong("bad-leaf")
    return found


def shown(columns: dict[str, bytes | None]) -> dict[str, Any]:
    """What a row says, without the ids of staff."""

    def integer(name: str) -> int:
        value = columns[name]
        if value is None or len(value) != 8:
            raise Wrong("bad-leaf")
        return int.from_bytes(value, "big", signed=True)

    def word(name: str, words: tuple[str, ...]) -> str:
        number = integer(name)
        return words[number - 1] if 1 <= number <= len(words) else str(number)

    laws = columns["jurisdictions"] or b""
    numbers = [int.from_bytes(laws[i : i + 8], "big") for i in range(0, len(laws), 8)]
    try:
        at = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=integer("at"))  # noqa: UP017  (3.9)
    except OverflowError:
        raise Wrong("bad-leaf") from None
    return {
        "at": at.isoformat(timespec="milliseconds"),
        "action": word("action", ACTIONS),
        "purpose": "-" if columns["purpose"] is None else word("purpose", PURPOSES),
        "department": integer("department"),
        "subjects": integer("subjects"),
        "laws": ", ".join(PACKS[n - 1] if 1 <= n <= len(PACKS) else str(n) for n in numbers) or "-",
    }


# --- the steps ---


class Check:
    """One run over all files."""

    def __init__(self, report: Report, key: Key | None, subject: uuid.UUID | None, witnesses: list[Key]) -> None:
        self._report, self._key, self._subject, self._witnesses = report, key, subject, witnesses
        self._named: Key | None = None  # a key that only the files themselves name
        self._heads: list[Head] = []
        self._links: list[tuple[tuple[int, bytes], tuple[int, bytes]]] = []
        self._about = False  # whether a row was shown to be about the person
        self._rows: dict[int, bytes] = {}  # leaf hash by its place in the log, where a path led to a root

    def take(self, content: str) -> None:
        """Check one file's content."""
        try:
            document = document_of(content)
            if document is None:
                self._head(head_of(content), None)
            elif "leaf_hash" in document:
                self._hash(document)
            elif "leaf" in document:
                self._row(document)
            elif "old" in document:
                self._consistency(document)
            else:
                only(document, "checkpoint", "log")
                self._head(head_of(part_of(document, "checkpoint")), document.get("log"))
        except Wrong as wrong:
            self._report.add("bad", wrong.step, **wrong.names)

    def _row(self, document: dict[str, Any]) -> None:
        only(document, "format", "log", "leaf", "index", "size", "path", "checkpoint", "subject", "decision")
        if document.get("format", "kehu-ledger-proof/1") != "kehu-ledger-proof/1":
            raise Wrong("form", part="format")
        leaf = decode(part_of(document, "leaf"), "leaf")
        columns = columns_of(leaf)
        self._report.row = shown(columns)
        self._report.add("note", "leaf", **self._report.row)
        if "subject" in document or self._subject is not None:
            self._person(part_of(document, "subject"), columns)
        if "decision" in document:
            self._decision(document["decision"], columns)
        self._place(document, leaf_hash(leaf))

    def _hash(self, document: dict[str, Any]) -> None:
        """A row of which only the hash is left."""
        only(document, "format", "log", "retired", "leaf_hash", "index", "size", "path", "checkpoint")
        if document.get("format", "kehu-ledger-proof/1") != "kehu-ledger-proof/1":
            raise Wrong("form", part="format")
        if self._subject is not None:
            raise Wrong("bad-subject")
        self._report.add("note", "retired")
        self._place(document, hash_of(part_of(document, "leaf_hash"), "leaf_hash"))

    def _place(self, document: dict[str, Any], leaf: bytes) -> None:
        """That a leaf stands where the document says; and, where another proof is of that place, that it is the same."""
        head = head_of(part_of(document, "checkpoint"))
        index, size = (number_of(part_of(document, name), name) for name in ("index", "size"))
        root = root_from_path(leaf, index, size, hashes_of(part_of(document, "path"), "path"))
        if root is None or (size, root) != (head.size, head.root):
            raise Wrong("bad-tree")
        self._report.add("ok", "tree", number=index + 1, size=size)
        self._head(head, document.get("log"))
        other = self._rows.get(index)
        if other is not None and other != leaf:
            raise Wrong("other-row", number=index + 1)
        if other is not None:
            self._report.add("ok", "same", number=index + 1)
        self._rows[index] = leaf

    def _person(self, inner: Any, columns: dict[str, bytes | None]) -> None:
        if not isinstance(inner, dict):
            raise Wrong("form", part="subject")
        only(inner, "id", "r", "index", "size", "path")
        r, path = hash_of(part_of(inner, "r"), "subject.r"), hashes_of(part_of(inner, "path"), "subject.path")
        index, size = (number_of(part_of(inner, name), "subject." + name) for name in ("index", "size"))
        who = self._subject
        if "id" in inner:
            said = uuid_of(inner["id"])
            if who is not None and said != who:
                raise Wrong("other-subject")
            who = said
        if who is None:
            self._report.add("open", "no-subject")
            return
        commitment = hashlib.sha256(r + who.bytes).digest()
        root = root_from_path(leaf_hash(commitment), index, size, path)
        if root is None or root != columns["commitments"] or size != self._report.row["subjects"]:
            raise Wrong("bad-subject")
        self._about = True
        self._report.add("ok", "subject", number=index + 1, size=size)

    def _decision(self, said: Any, columns: dict[str, bytes | None]) -> None:
        parts = [part_of(said, name) for name in ("ask", "actor", "state")] if isinstance(said, dict) else []
        if len(parts) != 3 or len(said) != 3 or not all(isinstance(part, str) for part in parts):
            raise Wrong("form", part="decision")
        if hashlib.sha256("\x1e".join(parts).encode()).digest() != columns["decision"]:
            raise Wrong("bad-decision")
        ask = document_of(parts[0]) or {}
        fields = ask.get("fields", [])
        self._report.row["fields"] = fields = [str(name) for name in fields] if isinstance(fields, list) else []
        self._report.add("ok", "decision", fields=", ".join(fields) or "-")

    def _consistency(self, document: dict[str, Any]) -> None:
        only(document, "format", "log", "old", "size", "path", "checkpoint")
        if document.get("format", "kehu-ledger-consistency/1") != "kehu-ledger-consistency/1":
            raise Wrong("form", part="format")
        before = part_of(document, "old")
        if not isinstance(before, dict):
            raise Wrong("form", part="old")
        only(before, "size", "root", "checkpoint")
        old, old_root = number_of(part_of(before, "size"), "old.size"), hash_of(part_of(before, "root"), "old.root")
        head = head_of(part_of(document, "checkpoint"))
        path = hashes_of(part_of(document, "path"), "path")
        if document.get("size", head.size) != head.size:
            raise Wrong("form", part="size")
        if not grew(old, old_root, head.size, head.root, path):
            raise Wrong("bad-grew", old=old, new=head.size)
        self._report.add("ok", "grew", old=old, new=head.size)
        self._links.append(((old, old_root), (head.size, head.root)))
        if "checkpoint" in before:
            signed = head_of(before["checkpoint"])
            if (signed.size, signed.root) != (old, old_root):
                raise Wrong("form", part="old.checkpoint")
            self._head(signed, document.get("log"))
        self._head(head, document.get("log"))

    def _head(self, head: Head, named: Any) -> None:
        if named is not None:
            found = key_of(named)
            trusted = self._key or self._named
            if trusted is not None and found[:3] != trusted[:3]:
                raise Wrong("other-key")
            self._named = found
        key = self._key or self._named
        if key is None:
            self._report.add("open", "no-key")
            return
        if key.kind != 1 or key.name != head.origin or not signed_by(head, key, head.signed):
            raise Wrong("bad-signature")
        self._report.add("ok", "signature", size=head.size, origin=head.origin)
        for witness in self._witnesses:
            self._cosignature(head, witness)
        if any(other.size == head.size and other.root != head.root for other in self._heads):
            raise Wrong("fork", size=head.size)
        self._heads.append(head)

    def _cosignature(self, head: Head, witness: Key) -> None:
        at = cosigned_at(head, witness)
        if at is None:
            raise Wrong("bad-witness", witness=witness.name, size=head.size)
        self._report.add("ok", "cosigned", witness=witness.name, at=at.isoformat())

    def compare(self, kept: list[Head]) -> None:
        """Hold what was found against checkpoints that the reader kept, and say what all of it rests on."""
        if self._subject is not None and not self._about:
            self._report.add("open", "no-row")
        trusted = self._key is not None
        for old in kept:
            key = self._key or self._named
            if key is not None and not (key.name == old.origin and signed_by(old, key, old.signed)):
                self._report.add("bad", "bad-signature")
                continue
            answers = [self._agrees(old, head) for head in self._heads]  # each of them is reported
            trusted = trusted or (bool(answers) and all(answers))
        if not trusted and self._named is not None:
            self._report.add("open", "no-trust", key=self._named.text)

    def _agrees(self, kept: Head, head: Head) -> bool:
        mark, other = (kept.size, kept.root), (head.size, head.root)
        reached, waiting = {mark}, [mark]
        while waiting:
            here = waiting.pop()
            for link in self._links:
                # what a tree began with is one; what grew from less than was kept may have grown another way
                ways = (link[::-1], link) if here[0] >= kept.size else (link[::-1],)
                for near, far in ways:
                    if near == here and far not in reached:
                        reached.add(far)
                        waiting.append(far)
        if other in reached:
            self._report.add("ok", "kept", size=kept.size)
            return True
        sizes = {size for size, _ in reached}
        if head.size in sizes:
            self._report.add("bad", "fork", size=head.size)
        elif any(near[0] == kept.size or far[0] == kept.size for near, far in self._links):
            self._report.add("bad", "fork", size=kept.size)
        else:
            old, new = sorted((kept.size, head.size))
            self._report.add("open", "apart", old=old, new=new)
        return False


# --- Ed25519 in Python alone (RFC 8032, 5.1): nothing here is secret, so nothing need take the same time ---

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]  # X, Y, Z and T of extended coordinates


def plus(a: Point, b: Point) -> Point:
    """The sum of two points (5.1.4)."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number: int, point: Point) -> Point:
    """A point so many times."""
    total: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = plus(total, point)
        point, number = plus(point, point), number >> 1
    return total


def point_of(data: bytes) -> Point | None:
    """The point that 32 bytes stand for (5.1.3); None where they are not its one spelling."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if len(data) != 32 or y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (sign and not x):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)


def verifies_alone(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature holds (5.1.7), strictly: one spelling of each point, S below L."""
    key, r, s = point_of(public), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or key is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left = times(s, (*BASE, 1, BASE[0] * BASE[1] % P))
    right = plus(r, times(k, key))
    return not (left[0] * right[2] - right[0] * left[2]) % P and not (left[1] * right[2] - right[1] * left[2]) % P


def verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature holds."""
    if Ed25519PublicKey is None:
        return verifies_alone(public, signature, message)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def signed_by(head: Head, key: Key, message: bytes) -> bool:
    """Whether a checkpoint carries a signature of this key."""
    mine = [blob for name, blob in head.signatures if name == key.name and blob[:4] == key.hint]
    return any(verifies(key.public, blob[4:], message) for blob in mine)


def cosigned_at(head: Head, witness: Key) -> datetime | None:
    """When a witness signed a checkpoint; None where it did not (C2SP tlog-cosignature, Ed25519)."""
    for name, blob in head.signatures:
        if name != witness.name or blob[:4] != witness.hint or len(blob) != 76 or witness.kind != 4:
            continue
        seconds = int.from_bytes(blob[4:12], "big")
        if seconds < 1 << 36 and verifies(
            witness.public, blob[12:], b"cosignature/v1\ntime %d\n" % seconds + head.signed
        ):
            return datetime.fromtimestamp(seconds, timezone.utc)  # noqa: UP017  (Python 3.9)
    return None


def uuid_of(text: Any) -> uuid.UUID:
    """An id in its one spelling."""
    try:
        found = uuid.UUID(text)
    except (ValueError, TypeError, AttributeError):
        raise Wrong("form", part="subject.id") from None
    if str(found) != text:
        raise Wrong("form", part="subject.id")
    return found


def document_of(content: str) -> dict[str, Any] | None:
    """The JSON object in a file; None where it is none. A name given twice would have two meanings, so it is refused."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise Wrong("form", part="JSON")
        return dict(pairs)

    if not content.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(content, object_pairs_hook=once)
        json.dumps(found, ensure_ascii=False).encode()  # half a character stands for no bytes: nobody signed it
    except (ValueError, RecursionError):
        raise Wrong("form", part="JSON") from None
    return found if isinstance(found, dict) else None


def read(name: str) -> str:
    """A file's text, or standard input's for ``-``; the run ends with 2 where there is none."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(_LIMIT + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(_LIMIT + 1)
        if len(content) <= _LIMIT:
            return content.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        pass
    sys.stderr.write(f"verify: {name}: not readable as a proof\n")
    sys.exit(UNKNOWN)


def named_key(given: str) -> Key:
    """A key as given, or in a file."""
    return key_of(read(given) if Path(given).is_file() else given)


def kept_head(name: str) -> Head:
    """The checkpoint in a file, bare or as ``kehu ledger checkpoint --json`` prints it."""
    content = read(name)
    document = document_of(content)
    return head_of(content if document is None else part_of(document, "checkpoint"))


def options(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    words = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    place = words.partition(".")[0].lower()
    home = "zh-hant" if place.startswith(("zh_tw", "zh_hk", "zh_mo")) else "zh-hans" if place[:2] == "zh" else "en"
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=Path(sys.argv[0]).name or "verify.py",
        description=summary,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="proof, consistency proof or checkpoint; - for stdin")
    parser.add_argument("--key", help="the log's key, name+hash+base64, or a file that holds it")
    parser.add_argument("--kept", action="append", default=[], metavar="FILE", help="a checkpoint you kept and trust")
    parser.add_argument("--subject", type=uuid.UUID, help="the id of the person whom the row must be about")
    parser.add_argument(
        "--witness", action="append", default=[], metavar="KEY", help="a witness that must have cosigned"
    )
    parser.add_argument("--lang", choices=LANGUAGES, default=home)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of words")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Check, say what was found, return the exit code."""
    given = options(arguments)
    report = Report(given.lang)
    try:
        key = named_key(given.key) if given.key else None
        witnesses = [named_key(text) for text in given.witness]
        kept = [kept_head(name) for name in given.kept]
    except Wrong as wrong:
        sys.stderr.write("verify: " + report.words(wrong.step, **wrong.names) + "\n")
        return UNKNOWN
    check = Check(report, key, given.subject, witnesses)
    for name in given.files:
        check.take(read(name))
    check.compare(kept)
    tell(report, as_json=given.json)
    return report.code


def tell(report: Report, *, as_json: bool) -> None:
    """Print the report."""
    end = report.words(f"end-{report.code}")
    if as_json:
        steps = [{"result": result, "step": step, "text": text} for result, step, text in report.lines]
        text = json.dumps({"ok": report.code == PROVED, "steps": steps, "row": report.row}, ensure_ascii=False)
    else:
        marks = {"ok": "✓", "bad": "✗", "open": "?", "note": "·"}
        lines = [f"{marks[result]} {words}" for result, _, words in report.lines]
        text = "\n".join([*lines, end, report.words("limits")])
    sys.stdout.buffer.write((text + "\n").encode(sys.stdout.encoding or "utf-8", "replace"))


if __name__ == "__main__":
    sys.exit(main())
