"""Evaluation of feature flags for a user."""

from collections.abc import Mapping
from typing import Unpack

from mixpanel_async.actions._core.params import json_text, pairs
from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions._core.responses import ApiList, keep_body, list_of, read_json
from mixpanel_async.actions._core.scope import ProjectScope, scope_fields
from mixpanel_async.actions.feature_flags.models import FlagDefinition, FlagDefinitions, Flags, Variants
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Request


class FlagEvaluation(Resource):
    """Calls that code makes to evaluate flags; they need the project token."""

    async def evaluate(
        self,
        distinct_id: str,
        *,
        device_id: str | None = None,
        custom_properties: Mapping[str, JSONValue] | None = None,
        context: Mapping[str, JSONValue] | None = None,
        token: str | None = None,
        **scope: Unpack[ProjectScope],
    ) -> Variants:
        """Return the variant that each enabled flag assigns to a user.

        Args:
            distinct_id: The user's ID.
            device_id: ID of the user's device.
            custom_properties: Properties that the rules of the flags use.
            context: More keys of the context, for example a group's.
            token: Project token (default: the client's).

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/get-variant-assignments

        Example:
            ```python
            variants = await mp.feature_flags.evaluate("user-1", custom_properties={"plan": "pro"})
            assigned = variants.flags.get("new-checkout")
            ```
        """
        parts = {"device_id": device_id, "custom_properties": custom_properties}
        given = {name: value for name, value in parts.items() if value is not None}
        whole = json_text({**(context or {}), **given, "distinct_id": distinct_id})
        request = self._evaluation("evaluate", "/flags", token, scope, context=whole)
        reply = await self._session.send(request)
        return keep_body(Variants(read_json(request, reply, Flags).flags), reply.body)

    async def definitions(self, *, token: str | None = None, **scope: Unpack[ProjectScope]) -> ApiList[FlagDefinition]:
        """Return the flags with their rules, to evaluate them locally.

        Args:
            token: Project token (default: the client's).

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/get-flag-definitions

        Example:
            ```python
            keys = [flag.key for flag in await mp.feature_flags.definitions()]
            ```
        """
        request = self._evaluation("definitions", "/flags/definitions", token, scope)
        reply = await self._session.send(request)
        flags = read_json(request, reply, FlagDefinitions).flags
        return list_of(request, reply, FlagDefinition, flags, "`flags` of the reply")

    def _evaluation(self, operation: str, path: str, token: str | None, scope: ProjectScope, **query: str) -> Request:
        name = f"feature_flags.{operation}"
        return Request(
            operation=name,
            method="GET",
            server="ingestion",
            path=path,
            query=pairs({"token": token or self._session.token, **scope_fields(name, scope, ProjectScope), **query}),
            has_project=self._session.project_id is not None,
        )
