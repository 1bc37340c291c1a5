"""Pipelines of any kind, also of those that have no Struct here."""

from typing import Final, Unpack

from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions.raw_request import RequestOptions, ResponseType, build_request, read_response, send_request
from mixpanel_async.models import JSONValue

ROOT: Final = "/api/2.0"


class GenericPipelines(Resource):
    """Pipelines made and changed by fields that the caller knows."""

    async def create_generic(
        self,
        *,
        url: str = "/nessie/pipeline/create",
        method: str = "POST",
        response: ResponseType = "json",
        **options: Unpack[RequestOptions],
    ) -> JSONValue:
        """Make a pipeline of any kind, with the fields that you know it needs.

        Args:
            url: Path below `/api/2.0` of the data server, or a whole URL.
            method: HTTP method.
            response: What the reply becomes: decoded JSON, text, or bytes.
            **options: Those of `request()`; `form` holds the pipeline's fields.

        Raises:
            InvalidArgumentError: Options are unknown or contradict each other.
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-warehouse-pipeline
        """
        request = build_request(method, _whole(url), options)
        return read_response(request, await send_request(self._session, request, options), response)

    async def edit_generic(
        self,
        name: str | None = None,
        *,
        url: str = "/nessie/pipeline/edit",
        method: str = "POST",
        response: ResponseType = "json",
        **options: Unpack[RequestOptions],
    ) -> JSONValue:
        """Change a pipeline of any kind, with the fields that you know it takes.

        Args:
            name: The pipeline, added to the form.
            url: Path below `/api/2.0` of the data server, or a whole URL.
            method: HTTP method.
            response: What the reply becomes: decoded JSON, text, or bytes.
            **options: Those of `request()`; `form` holds the fields to change.

        Raises:
            InvalidArgumentError: Options are unknown or contradict each other.
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/edit-warehouse-pipeline
        """
        if name is not None:
            options["form"] = {"name": name, **options.get("form", {})}
        request = build_request(method, _whole(url), options)
        return read_response(request, await send_request(self._session, request, options), response)


def _whole(url: str) -> str:
    return url if url.startswith(("http://", "https://", f"{ROOT}/")) else f"{ROOT}/{url.lstrip('/')}"
