"""The API put together: its operations, their problems in the schema, and one frame around every view."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, re_path
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from kehu import __version__
from kehu.doors.api import desk, evidence, imports, register, rights, system
from kehu.doors.api.answers import MEDIA_TYPE, Unreadable, check_frame, error_response, finish, without_body
from kehu.doors.api.callers import Bearer
from kehu.doors.api.schemas import ProblemBody

_PROBLEMS: Final = {
    "401": "The token is missing, unknown, expired or revoked.",
    "403": "Refused by a policy, for another purpose than the token's, or for lack of a right.",
    "404": "Unknown, erased, or not about this customer.",
    "409": "Nothing in force to take back.",
    "413": "Too large.",
    "415": "Not JSON.",
    "422": "Not of the form asked for.",
    "429": "Too many requests.",
    "500": "Nobody foresaw this.",
    "503": "Ledger or database cannot be used, so nothing was opened.",
}


class _Api(NinjaAPI):
    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """The schema, with the problems that every operation can answer with."""
        schema = super().get_openapi_schema(**options)
        schema["components"]["schemas"]["Problem"] = ProblemBody.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
        schema["components"]["schemas"] |= schema["components"]["schemas"]["Problem"].pop("$defs", {})
        body = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for path in schema["paths"].values():
            for operation in path.values():
                open_to_all = not operation.get("security")
                for status, words in _PROBLEMS.items():
                    if not open_to_all or status in ("429", "500", "503"):
                        operation["responses"].setdefault(status, {"description": words, "content": body})
        return schema

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """``desk_show`` and the like: stable names for generated clients."""
        view = operation.view_func
        return f"{view.__module__.rpartition('.')[2]}_{view.__name__.strip('_')}"


api = _Api(
    title="Kehu",
    version=__version__,
    description="Customer information under one gate. Each call acts for one member of staff and one purpose: those of "
    "its token (`kehu token issue`). `X-Kehu-Purpose`, where it is sent, must name that purpose.",
    urls_namespace="api",
    openapi_url="/openapi.json",
    docs_url=None,
    auth=Bearer(),
)
for kind in (Exception, HttpError, AuthenticationError, ValidationError):
    api.add_exception_handler(kind, error_response)
api.add_router("", desk.router)
api.add_router("", rights.router)
api.add_router("", evidence.router)
api.add_router("", imports.router)
api.add_router("", system.router)
api.add_router("", register.router)


def _framed(view: Callable[..., HttpResponseBase], *, upload: bool = False) -> Callable[..., HttpResponseBase]:
    """A view whose every answer, also to what nobody foresaw, is of the API's form.

    A HEAD is the GET itself, checked and recorded as one, whose body stays here (RFC 9110, 9.3.2).
    """

    @functools.wraps(view)
    def answer(request: HttpRequest, *places: Any, **named: Any) -> HttpResponseBase:
        head = request.method == "HEAD"
        if head:
            request.method = "GET"
        try:
            check_frame(request, upload=upload)
            response = view(request, *places, **named)
        except Exception as error:  # noqa: BLE001  (whatever it is, its text stays here)
            response = error_response(request, error)
        finished = finish(request, response)
        return without_body(finished) if head else finished

    return answer


@require_safe
def _schema(request: HttpRequest) -> HttpResponse:
    return JsonResponse(_schema_of(request.path.removesuffix("openapi.json")), safe=False)


@functools.cache
def _schema_of(root: str) -> OpenAPISchema:
    return api.get_openapi_schema(path_prefix=root)


def _nothing(request: HttpRequest) -> HttpResponse:
    raise Unreadable("no-such-path")


def _patterns() -> list[URLPattern]:
    found = []
    for pattern in api.urls[0]:
        if not isinstance(pattern, URLPattern) or pattern.name == "api-root":
            continue
        view: Callable[..., HttpResponseBase] = _schema if pattern.name == "openapi-json" else pattern.callback
        pattern.callback = _framed(view, upload=pattern.name == imports.UPLOAD)
        found.append(pattern)
    return [*found, re_path(r"", _framed(_nothing))]


app_name = "api"
urlpatterns = _patterns()
