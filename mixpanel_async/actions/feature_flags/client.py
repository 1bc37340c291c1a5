"""Feature flags: evaluated for a user, and managed."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, Unpack

from mixpanel_async.actions._core.params import Field, Id, json_text, pairs, segment
from mixpanel_async.actions._core.resource import Resource, app_request
from mixpanel_async.actions._core.responses import (
    Acknowledgement,
    ApiList,
    keep_body,
    read_acknowledgement,
    read_json,
    read_result_list,
    read_results,
)
from mixpanel_async.actions._core.scope import ProjectScope, Scope, scope_fields
from mixpanel_async.actions.feature_flags.models import (
    FeatureFlag,
    FlagDefinition,
    FlagDefinitions,
    Flags,
    Ruleset,
    Variants,
)
from mixpanel_async.models import JSONValue
from mixpanel_async.session import Request

FlagStatus: TypeAlias = Literal["enabled", "disabled", "archived"]
ServingMethod: TypeAlias = Literal["client", "server", "remote_or_local", "remote_only"]


class FeatureFlags(Resource):
    """Feature flags.

    Args:
        session: Sends the requests.
        token: The project token, sent along with evaluations.

    Reference: https://developer.mixpanel.com/reference/feature-flags-api
    """

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
        """Return the variant of each enabled flag that a user gets.

        Args:
            distinct_id: The user.
            device_id: The user's device.
            custom_properties: Properties that rules look at.
            context: Further keys of the context, for example a group's.
            token: Project token; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/get-variant-assignments
        """
        parts = {"device_id": device_id, "custom_properties": custom_properties}
        given = {name: value for name, value in parts.items() if value is not None}
        whole = json_text({**(context or {}), **given, "distinct_id": distinct_id})
        request = self._evaluation("evaluate", "/flags", token, scope, context=whole)
        reply = await self._session.send(request)
        return keep_body(Variants(read_json(request, reply, Flags).flags), reply.body)

    async def definitions(self, *, token: str | None = None, **scope: Unpack[ProjectScope]) -> ApiList[FlagDefinition]:
        """Return the flags with their rules, for evaluation on one's own machine.

        Args:
            token: Project token; the client's unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/get-flag-definitions
        """
        request = self._evaluation("definitions", "/flags/definitions", token, scope)
        reply = await self._session.send(request)
        parts = read_json(request, reply, FlagDefinitions).flags
        flags = (keep_body(read_json(request, reply, FlagDefinition, part), bytes(part)) for part in parts)
        return ApiList(flags, reply.body)

    async def list(
        self,
        *,
        include_archived: bool | None = None,
        **scope: Unpack[Scope],
    ) -> ApiList[FeatureFlag]:
        """Return the flags of a workspace.

        Args:
            include_archived: Also those that were put away.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/list-feature-flags
        """
        query = {"include_archived": include_archived}
        request = self._request("list", "GET", scope, query=query)
        return read_result_list(request, await self._session.send(request), FeatureFlag)

    async def create(
        self,
        name: str,
        key: str,
        *,
        context: str,
        serving_method: ServingMethod,
        ruleset: Ruleset | Mapping[str, JSONValue],
        tags: Sequence[str] = (),
        description: str | None = None,
        experiment_id: str | None = None,
        status: FlagStatus | None = None,
        data_group_id: Id | None = None,
        is_experiment_active: bool | None = None,
        hash_salt: str | None = None,
        reset_hash_salt: bool | None = None,
        **scope: Unpack[Scope],
    ) -> FeatureFlag:
        """Make a flag.

        Args:
            name: Its name.
            key: The key that code asks for.
            context: What it is decided by, for example `"distinct_id"` or `"device_id"`.
            serving_method: Where it is evaluated.
            ruleset: Variants and who gets them.
            tags: Its tags.
            description: Its description.
            experiment_id: The experiment that it belongs to.
            status: Whether it is on.
            data_group_id: Group key, if it is decided by group.
            is_experiment_active: Whether that experiment runs.
            hash_salt: Salt of the random choice, 32 characters.
            reset_hash_salt: Choose a new salt.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-feature-flag
        """
        body = {
            "name": name, "key": key, "context": context, "serving_method": serving_method, "ruleset": ruleset,
            "tags": tags, "description": description, "experiment_id": experiment_id, "status": status,
            "data_group_id": data_group_id, "is_experiment_active": is_experiment_active, "hash_salt": hash_salt,
            "reset_hash_salt": reset_hash_salt,
            "workspace_id": self._workspace_id("feature_flags.create", scope, allowed=Scope),
        }  # fmt: skip
        request = self._request("create", "POST", scope, body=body)
        return read_results(request, await self._session.send(request), FeatureFlag)

    async def get(self, flag_id: Id, **scope: Unpack[Scope]) -> FeatureFlag:
        """Return one flag.

        Args:
            flag_id: Its id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/get-feature-flag
        """
        request = self._request("get", "GET", scope, flag_id)
        return read_results(request, await self._session.send(request), FeatureFlag)

    async def update(
        self,
        flag_id: Id,
        *,
        name: str,
        key: str,
        context: str,
        serving_method: ServingMethod,
        ruleset: Ruleset | Mapping[str, JSONValue],
        tags: Sequence[str] = (),
        description: str | None = None,
        experiment_id: str | None = None,
        status: FlagStatus | None = None,
        data_group_id: Id | None = None,
        is_experiment_active: bool | None = None,
        hash_salt: str | None = None,
        reset_hash_salt: bool | None = None,
        **scope: Unpack[Scope],
    ) -> FeatureFlag:
        """Replace a flag: what is not given falls back to Mixpanel's default.

        Args:
            flag_id: Its id.
            name: Its name.
            key: The key that code asks for.
            context: What it is decided by, for example `"distinct_id"` or `"device_id"`.
            serving_method: Where it is evaluated.
            ruleset: Variants and who gets them.
            tags: Its tags.
            description: Its description.
            experiment_id: The experiment that it belongs to.
            status: Whether it is on.
            data_group_id: Group key, if it is decided by group.
            is_experiment_active: Whether that experiment runs.
            hash_salt: Salt of the random choice, 32 characters.
            reset_hash_salt: Choose a new salt.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/update-feature-flag
        """
        body = {
            "name": name, "key": key, "context": context, "serving_method": serving_method, "ruleset": ruleset,
            "tags": tags, "description": description, "experiment_id": experiment_id, "status": status,
            "data_group_id": data_group_id, "is_experiment_active": is_experiment_active, "hash_salt": hash_salt,
            "reset_hash_salt": reset_hash_salt,
            "workspace_id": self._workspace_id("feature_flags.update", scope, allowed=Scope),
        }  # fmt: skip
        request = self._request("update", "PUT", scope, flag_id, body=body)
        return read_results(request, await self._session.send(request), FeatureFlag)

    async def delete(self, flag_id: Id, **scope: Unpack[Scope]) -> Acknowledgement:
        """Delete a flag.

        Args:
            flag_id: Its id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/delete-feature-flag
        """
        request = self._request("delete", "DELETE", scope, flag_id)
        return read_acknowledgement(request, await self._session.send(request))

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

    def _request(
        self,
        operation: str,
        method: str,
        scope: Scope,
        flag_id: Id | None = None,
        *,
        query: Mapping[str, Field] | None = None,
        body: Mapping[str, JSONValue] | None = None,
    ) -> Request:
        name = f"feature_flags.{operation}"
        path = self._project_path(name, scope, self._workspace_path(name, scope, allowed=Scope), allowed=Scope)
        path += "/feature-flags" if flag_id is None else f"/feature-flags/{segment('flag_id', flag_id)}"
        return app_request(name, method, path, query=query, body=body)
