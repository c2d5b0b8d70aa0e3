"""What staff take down at a counter: through a page for whoever is signed in, so it answers no path of its own."""

from kehu.collect.channels import Kind, Request, Response, problem
from kehu.collect.channels.counter.read import read
from kehu.collect.signed.answering import messages


def _nobody(request: Request) -> Response:
    del request
    return problem(404, "not_found", "Nothing is here.")


KIND = Kind(
    name="counter", prefixes=(), answer=_nobody, messages=messages, read=read, basis="contract",
    labels={"zh-hans": "柜台", "zh-hant": "櫃台", "en": "Counter"},
)  # fmt: skip
