"""Forms of our own: pages, snippets within others' pages, and apps. They have a door of their own, so no path stands here."""

from kehu.collect.channels import Kind
from kehu.collect.channels.form.read import again, answer, apart, messages, read

KIND = Kind(
    name="form", prefixes=(), answer=answer, messages=messages, read=read, again=again, apart=apart,
    labels={"en": "Form", "zh-hans": "表单", "zh-hant": "表單"},
)  # fmt: skip
