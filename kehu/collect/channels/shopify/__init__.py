"""Webhooks of Shopify: customers, orders, e-mail consent, and the privacy topics (`POST /hooks/shopify/CHANNEL`)."""

from kehu.collect.channels import Kind
from kehu.collect.channels.shopify.read import read
from kehu.collect.channels.shopify.transport import PREFIX, answer
from kehu.collect.signed.answering import messages

KIND = Kind(
    name="shopify", prefixes=(PREFIX,), answer=answer, messages=messages, read=read, basis="contract", signed=True,
    labels={"en": "Shopify"},
)  # fmt: skip
