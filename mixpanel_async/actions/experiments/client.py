"""Experiments of a workspace."""

from collections.abc import Mapping, Sequence
from typing import Unpack

from mixpanel_async.actions._core.params import Date, Id, iso_moment
from mixpanel_async.actions._core.responses import (
    Acknowledgement,
    ApiList,
    read_acknowledgement,
    read_result_list,
    read_results,
)
from mixpanel_async.actions._core.scope import WorkspaceScope
from mixpanel_async.actions.experiments.lifecycle import Experiment, ExperimentSteps
from mixpanel_async.json_types import JSONValue


class Experiments(ExperimentSteps):
    """Experiments of a workspace.

    Each call takes the optional argument `workspace_id` (default: the client's).

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/experiments-api

    Example:
        ```python
        experiments = await mp.experiments.list()
        ```
    """

    async def list(self, **scope: Unpack[WorkspaceScope]) -> ApiList[Experiment]:
        """Return the workspace's experiments.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/list-experiments

        Example:
            ```python
            active = [one for one in await mp.experiments.list() if one.status == "active"]
            ```
        """
        request = self._request("list", "GET", scope)
        return read_result_list(request, await self._session.send(request), Experiment)

    async def create(
        self,
        name: str,
        *,
        description: str | None = None,
        hypothesis: str | None = None,
        settings: Mapping[str, JSONValue] | None = None,
        variants: Sequence[JSONValue] | None = None,
        metrics: Sequence[JSONValue] | None = None,
        global_access_type: str | None = None,
        **scope: Unpack[WorkspaceScope],
    ) -> Experiment:
        """Create an experiment as a draft and return it.

        Args:
            name: Name.
            description: Description.
            hypothesis: What the experiment should show.
            settings: Settings, as Mixpanel documents them.
            variants: Variants, as Mixpanel documents them.
            metrics: Metrics, as Mixpanel documents them.
            global_access_type: Access of users who are not listed.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-experiment

        Example:
            ```python
            experiment = await mp.experiments.create("New checkout", hypothesis="More users pay")
            ```
        """
        body = {
            "name": name, "description": description, "hypothesis": hypothesis, "settings": settings,
            "variants": variants, "metrics": metrics, "global_access_type": global_access_type,
        }  # fmt: skip
        request = self._request("create", "POST", scope, body=body)
        return read_results(request, await self._session.send(request), Experiment)

    async def get(self, experiment_id: Id, **scope: Unpack[WorkspaceScope]) -> Experiment:
        """Return one experiment.

        Args:
            experiment_id: Experiment ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/get-experiment

        Example:
            ```python
            experiment = await mp.experiments.get("a1b2c3")
            ```
        """
        request = self._request("get", "GET", scope, experiment_id)
        return read_results(request, await self._session.send(request), Experiment)

    async def update(
        self,
        experiment_id: Id,
        *,
        name: str | None = None,
        description: str | None = None,
        hypothesis: str | None = None,
        status: str | None = None,
        settings: Mapping[str, JSONValue] | None = None,
        variants: Sequence[JSONValue] | None = None,
        metrics: Sequence[JSONValue] | None = None,
        start_date: Date | None = None,
        end_date: Date | None = None,
        exposures_cache: Mapping[str, JSONValue] | None = None,
        results_cache: Mapping[str, JSONValue] | None = None,
        tags: Sequence[str] | None = None,
        global_access_type: str | None = None,
        **scope: Unpack[WorkspaceScope],
    ) -> Experiment:
        """Change the given fields of an experiment and return it.

        Args:
            experiment_id: Experiment ID.
            name: Name.
            description: Description.
            hypothesis: What the experiment should show.
            status: Status.
            settings: Settings, as Mixpanel documents them.
            variants: Variants, as Mixpanel documents them.
            metrics: Metrics, as Mixpanel documents them.
            start_date: Start: a date, a datetime or ISO 8601.
            end_date: End: a date, a datetime or ISO 8601.
            exposures_cache: Exposures that were counted elsewhere.
            results_cache: Results that were computed elsewhere.
            tags: Tags.
            global_access_type: Access of users who are not listed.

        Raises:
            ApiError: Mixpanel refused the request.
            InvalidArgumentError: A date is invalid.

        Reference: https://developer.mixpanel.com/reference/update-experiment

        Example:
            ```python
            await mp.experiments.update("a1b2c3", description="Checkout in one step", tags=["checkout"])
            ```
        """
        body = {
            "name": name, "description": description, "hypothesis": hypothesis, "status": status,
            "settings": settings, "variants": variants, "metrics": metrics,
            "start_date": iso_moment("start_date", start_date), "end_date": iso_moment("end_date", end_date),
            "exposures_cache": exposures_cache, "results_cache": results_cache,
            "tags": tags, "global_access_type": global_access_type,
        }  # fmt: skip
        request = self._request("update", "PATCH", scope, experiment_id, body=body)
        return read_results(request, await self._session.send(request), Experiment)

    async def delete(self, experiment_id: Id, **scope: Unpack[WorkspaceScope]) -> Acknowledgement:
        """Delete an experiment.

        Args:
            experiment_id: Experiment ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/delete-experiment

        Example:
            ```python
            await mp.experiments.delete("a1b2c3")
            ```
        """
        request = self._request("delete", "DELETE", scope, experiment_id)
        return read_acknowledgement(request, await self._session.send(request))
