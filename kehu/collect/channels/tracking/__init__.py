"""The tracking API that the clients of Segment and RudderStack speak (`POST /v1/batch` and one path per call)."""

from kehu.collect.channels import Kind
from kehu.collect.channels.tracking.read import read
from kehu.collect.channels.tracking.transport import PREFIX, answer, messages

KIND = Kind(
    name="tracking", prefixes=(PREFIX,), answer=answer, messages=messages, read=read,
    labels={"en": "Tracking API", "zh-hans": "跟踪接口", "zh-hant": "追蹤介面"},
)  # fmt: skip
