"""Webhooks of WooCommerce: customers and orders (`POST /hooks/woocommerce/CHANNEL`)."""

from kehu.collect.channels import Kind
from kehu.collect.channels.woocommerce.read import read
from kehu.collect.channels.woocommerce.transport import PREFIX, answer
from kehu.collect.signed.answering import messages

KIND = Kind(
    name="woocommerce", prefixes=(PREFIX,), answer=answer, messages=messages, read=read, basis="contract", signed=True,
    labels={"en": "WooCommerce"},
)  # fmt: skip
