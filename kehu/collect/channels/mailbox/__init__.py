"""Mail that customers write: fetched from a mailbox (`kehu mailbox`), so it answers no path of its own."""

from kehu.collect.channels import Kind, Request, Response, problem
from kehu.collect.channels.mailbox.read import read
from kehu.collect.signed.answering import messages


def _nobody(request: Request) -> Response:
    del request
    return problem(404, "not_found", "Nothing is here.")


KIND = Kind(
    name="mailbox", prefixes=(), answer=_nobody, messages=messages, read=read, basis="contract",
    brings_again=True,
    labels={"zh-hans": "邮箱", "zh-hant": "郵箱", "en": "Mailbox"},
)  # fmt: skip
