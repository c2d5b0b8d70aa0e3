"""Segment's and RudderStack's clients for Python as a shop's program uses them: ``drive.py segment|rudder``.

The job comes as JSON on stdin, what the client said goes line by line to stdout, as from the drivers for Node.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import time

MODULES = {"segment": ("segment.analytics", "host"), "rudder": ("rudderstack.analytics", "dataPlaneUrl")}


def tell(**line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main():
    job = json.load(sys.stdin)
    name, address = MODULES[sys.argv[1]]
    client = importlib.import_module(name)
    session = importlib.import_module(f"{name}.request")._session
    session.hooks["response"].append(lambda answer, **_: tell(answered=answer.status_code, at=time.monotonic()))
    failed = {}

    def on_error(error, messages):
        tell(error=f"[{getattr(error, 'status', None)}] {getattr(error, 'code', type(error).__name__)}")
        failed.update((one["messageId"], str(error)) for one in messages)

    client.write_key, client.on_error = job["key"], on_error
    setattr(client, address, job["host"])
    for option, value in job["options"].items():
        setattr(client, option, value)
    for one in job["calls"]:
        words = {re.sub(r"(?=[A-Z])", "_", word).lower(): value for word, value in one["message"].items()}
        getattr(client, one["call"])(**words)
        time.sleep(job.get("pace", 0))
    client.flush()
    client.shutdown()
    for one in job["calls"]:
        id = one["message"].get("messageId")
        tell(id=id, delivered=id not in failed if id else not failed, why=failed.get(id))
    tell(ended=True)


main()
