"""Feature flags: evaluation and management."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, Unpack

from mixpanel_async.actions._core.params import Field, Id, check_choice, segment
from mixpanel_async.actions._core.resource import app_request
from mixpanel_async.actions._core.responses import (
    Acknowledgement,
    ApiList,
    read_acknowledgement,
    read_result_list,
    read_results,
)
from mixpanel_async.actions._core.scope import Scope
from mixpanel_async.actions.feature_flags.evaluation import FlagEvaluation
from mixpanel_async.actions.feature_flags.models import (
    FeatureFlag,
    Ruleset,
)
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Request

FlagStatus: TypeAlias = Literal["enabled", "disabled", "archived"]
ServingMethod: TypeAlias = Literal["client", "server", "remote_or_local", "remote_only"]


class FeatureFlags(FlagEvaluation):
    """Feature flags: evaluation for a user, and management.

    Management calls take the optional arguments `project_id` and `workspace_id`, evaluation calls `project_id`
    (default: the client's); see `Scope`.

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/feature-flags-api

    Example:
        ```python
        variants = await mp.feature_flags.evaluate("user-1")
        ```
    """

    async def list(
        self,
        *,
        include_archived: bool | None = None,
        **scope: Unpack[Scope],
    ) -> ApiList[FeatureFlag]:
        """Return the flags of a workspace.

        Args:
            include_archived: Include archived flags.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/list-feature-flags

        Example:
            ```python
            flags = await mp.feature_flags.list(include_archived=True)
            ```
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
        """Create a flag and return it.

        Args:
            name: Name.
            key: The key that code asks for.
            context: What the variant is chosen by, for example `"distinct_id"` or `"device_id"`.
            serving_method: Where the flag is evaluated.
            ruleset: The variants and the rules that assign them.
            tags: Tags.
            description: Description.
            experiment_id: The experiment that the flag belongs to.
            status: Whether the flag is on.
            data_group_id: Group key, if the variant is chosen by group.
            is_experiment_active: Whether the experiment is running.
            hash_salt: Salt of the random choice, 32 characters.
            reset_hash_salt: Generate a new salt.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-feature-flag

        Example:
            ```python
            from mixpanel_async.actions import Rollout, Ruleset, Variant

            on = Variant(key="on", value=True, is_control=False, split=1.0)
            rules = Ruleset(variants=[on], rollout=[Rollout(rollout_percentage=0.1, variant_splits={"on": 1.0})])
            flag = await mp.feature_flags.create(
                "New checkout",
                "new-checkout",
                context="distinct_id",
                serving_method="server",
                ruleset=rules,
            )
            ```
        """
        check_choice("serving_method", serving_method, ServingMethod)
        check_choice("status", status, FlagStatus)
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
            flag_id: Feature flag ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/get-feature-flag

        Example:
            ```python
            flag = await mp.feature_flags.get("d6f1a2")
            ```
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
        """Replace a flag and return it; a field that is not given is reset to Mixpanel's default.

        Args:
            flag_id: Feature flag ID.
            name: Name.
            key: The key that code asks for.
            context: What the variant is chosen by, for example `"distinct_id"` or `"device_id"`.
            serving_method: Where the flag is evaluated.
            ruleset: The variants and the rules that assign them.
            tags: Tags.
            description: Description.
            experiment_id: The experiment that the flag belongs to.
            status: Whether the flag is on.
            data_group_id: Group key, if the variant is chosen by group.
            is_experiment_active: Whether the experiment is running.
            hash_salt: Salt of the random choice, 32 characters.
            reset_hash_salt: Generate a new salt.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/update-feature-flag

        Example:
            ```python
            flag = await mp.feature_flags.get("d6f1a2")
            await mp.feature_flags.update(
                "d6f1a2",
                name="New checkout",
                key="new-checkout",
                context="distinct_id",
                serving_method="server",
                ruleset=flag.ruleset,
                status="disabled",
            )
            ```
        """
        check_choice("serving_method", serving_method, ServingMethod)
        check_choice("status", status, FlagStatus)
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
            flag_id: Feature flag ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/delete-feature-flag

        Example:
            ```python
            await mp.feature_flags.delete("d6f1a2")
            ```
        """
        request = self._request("delete", "DELETE", scope, flag_id)
        return read_acknowledgement(request, await self._session.send(request))

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
