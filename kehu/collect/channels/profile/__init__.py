"""A profile that somebody releases from an outside account, by signing in there (OpenID Connect); its pages are the visitors'."""

from kehu.collect.channels import Kind, Request, Response, problem
from kehu.collect.channels.profile.read import read
from kehu.collect.channels.profile.settings import checked
from kehu.collect.signed.answering import messages


def _nobody(request: Request) -> Response:
    del request
    return problem(404, "not_found", "Nothing is here.")


KIND = Kind(
    name="profile", prefixes=(), answer=_nobody, messages=messages, read=read, signed=True, mapped=True, check=checked,
    page="/profile", labels={"zh-hans": "外部账户资料", "zh-hant": "外部帳戶資料", "en": "Profile of an outside account"},
)  # fmt: skip
