"""A WeChat official account: who follows it, what they write to it (`GET` and `POST /hooks/wechat/CHANNEL`)."""

from kehu.collect.channels import Kind
from kehu.collect.channels.wechat.read import read
from kehu.collect.channels.wechat.transport import PREFIX, answer, form_of_secret
from kehu.collect.signed.answering import messages

KIND = Kind(
    name="wechat", prefixes=(PREFIX,), answer=answer, messages=messages, read=read, signed=True,
    form_of_secret=form_of_secret, labels={"zh-hans": "微信公众号", "zh-hant": "微信公眾號", "en": "WeChat official account"},
)  # fmt: skip
