"""Check a proof from the ledger of a Kehu installation. Python 3.8 or newer, nothing else, no connection.

    python3 check_proof.py proof-42.json

It shows that one row of the ledger is about you, stands in the ledger, and that the ledger signed for it. Compare the
printed log key and root with those that other people were shown: everybody must get the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import uuid

# Ed25519 (RFC 8032, section 6), for checking a signature only
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def sha512_number(data: bytes) -> int:
    return int.from_bytes(hashlib.sha512(data).digest(), "little")


def add(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(number: int, point: tuple[int, ...]) -> tuple[int, ...]:
    result: tuple[int, ...] = (0, 1, 1, 0)
    while number > 0:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def point_of(data: bytes) -> tuple[int, ...] | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if (x & 1) != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def signature_holds(key: bytes, message: bytes, signature: bytes) -> bool:
    base = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    public, r, s = point_of(key), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or base is None or public is None or r is None or s >= Q:
        return False
    left = multiply(s, base)
    right = add(r, multiply(sha512_number(signature[:32] + key + message) % Q, public))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# RFC 6962 and RFC 9162, 2.1.3.2: from a leaf up its path to the root
def climb(leaf: bytes, index: int, size: int, path: list[str]) -> bytes:
    node, last = hashlib.sha256(b"\0" + leaf).digest(), size - 1
    for text in path:
        sibling = base64.b64decode(text)
        if last == 0:
            return b""
        if index & 1 or index == last:
            node = hashlib.sha256(b"\1" + sibling + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\1" + node + sibling).digest()
        index, last = index >> 1, last >> 1
    return node if last == 0 else b""


# a row is 14 columns, each its length in 4 bytes (ffffffff: none) and its bytes; the 13th is the root of its subjects
def commitments_root(row: bytes) -> bytes:
    at, columns = 0, []
    while at < len(row):
        length = int.from_bytes(row[at : at + 4], "big")
        at += 4
        length = 0 if length == 0xFFFFFFFF else length
        columns.append(row[at : at + length])
        at += length
    return columns[12] if len(columns) == 14 else b""


def signed(checkpoint: str, log: str) -> bool:
    name, hint, encoded = log.split("+", 2)
    key = base64.b64decode(encoded)
    text, _, signatures = checkpoint.partition("\n\n")
    message = (text + "\n").encode()
    wanted = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    if wanted.hex() != hint or text.split("\n")[0] != name:
        return False
    for line in signatures.splitlines():
        parts = line.split(" ")
        if len(parts) == 3 and parts[0] == "\u2014" and parts[1] == name:
            blob = base64.b64decode(parts[2])
            if blob[:4] == wanted and signature_holds(key[1:], message, blob[4:]):
                return True
    return False


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        proof = json.load(file)
    you, row = proof["subject"], base64.b64decode(proof["leaf"])
    commitment = hashlib.sha256(base64.b64decode(you["r"]) + uuid.UUID(you["id"]).bytes).digest()
    inner = climb(commitment, you["index"], you["size"], you["path"])
    outer = climb(row, proof["index"], proof["size"], proof["path"])
    lines = proof["checkpoint"].split("\n")
    steps = [
        ("the row is about you", inner != b"" and inner == commitments_root(row)),
        ("the row stands in the ledger", int(lines[1]) == proof["size"] and outer == base64.b64decode(lines[2])),
        ("the ledger signed for it", signed(proof["checkpoint"], proof["log"])),
    ]
    for name, holds in steps:
        sys.stdout.write(("holds:         " if holds else "DOES NOT HOLD: ") + name + "\n")
    sys.stdout.write("log key " + proof["log"] + "\nroot    " + lines[2] + "\n")
    return 0 if all(holds for _, holds in steps) else 1


if __name__ == "__main__":
    sys.exit(main())
