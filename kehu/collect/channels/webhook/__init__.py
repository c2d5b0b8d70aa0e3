"""A signed webhook of any sender, by its channel's settings (`POST /hooks/webhook/CHANNEL`)."""

from kehu.collect.channels import Kind
from kehu.collect.channels.webhook.read import again, read
from kehu.collect.channels.webhook.transport import PREFIX, answer
from kehu.collect.signed.answering import messages

KIND = Kind(
    name="webhook", prefixes=(PREFIX,), answer=answer, messages=messages, read=read, signed=True, mapped=True, again=again,
    labels={"en": "Signed webhook", "zh-hans": "签名 Webhook", "zh-hant": "簽章 Webhook"},
)  # fmt: skip
