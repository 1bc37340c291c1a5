"""Pipelines of any kind, including kinds without a Struct."""

from typing import Final, Unpack

from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions.raw_request import RequestOptions, ResponseType, build_request, read_response, send_request
from mixpanel_async.models import JSONValue

ROOT: Final = "/api/2.0"


class GenericPipelines(Resource):
    """Pipelines of any kind, created and changed with fields that the caller chooses."""

    async def create_generic(
        self,
        *,
        url: str = "/nessie/pipeline/create",
        method: str = "POST",
        response: ResponseType = "json",
        **options: Unpack[RequestOptions],
    ) -> JSONValue:
        """Create a pipeline of any kind from form fields and return the reply.

        Args:
            url: Path below `/api/2.0` of the data server, or a whole URL.
            method: HTTP method.
            response: Type of the result: decoded JSON, text or bytes.
            **options: Options of `request()`; `form` has the pipeline's fields.

        Raises:
            InvalidArgumentError: An option is unknown, or the options conflict.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-warehouse-pipeline

        Example:
            ```python
            fields = {"type": "gcs-raw", "trial": True, "gcs_bucket": "exports", "gcs_region": "us-east1"}
            reply = await mp.pipelines.create_generic(form={**fields, "project_id": 1})
            ```
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
        """Change a pipeline of any kind with form fields and return the reply.

        Args:
            name: Name of the pipeline; added to the form.
            url: Path below `/api/2.0` of the data server, or a whole URL.
            method: HTTP method.
            response: Type of the result: decoded JSON, text or bytes.
            **options: Options of `request()`; `form` has the fields to change.

        Raises:
            InvalidArgumentError: An option is unknown, or the options conflict.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/edit-warehouse-pipeline

        Example:
            ```python
            await mp.pipelines.edit_generic("trial-events-daily", form={"project_id": 1, "events": ["Signed Up"]})
            ```
        """
        if name is not None:
            options["form"] = {"name": name, **options.get("form", {})}
        request = build_request(method, _whole(url), options)
        return read_response(request, await send_request(self._session, request, options), response)


def _whole(url: str) -> str:
    return url if url.startswith(("http://", "https://", f"{ROOT}/")) else f"{ROOT}/{url.lstrip('/')}"
