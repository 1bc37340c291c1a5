"""Lifecycle of an experiment: launch, conclude, decide, archive."""

from collections.abc import Mapping
from typing import Unpack

import msgspec

from mixpanel_async.actions._core.params import Date, Id, iso_moment, segment
from mixpanel_async.actions._core.resource import Resource, app_request
from mixpanel_async.actions._core.responses import Acknowledgement, ApiObject, read_acknowledgement, read_results
from mixpanel_async.actions._core.scope import WorkspaceScope
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Request


class Experiment(ApiObject, frozen=True):
    """An experiment; its `raw` has the fields that are not listed here, such as permissions.

    Attributes:
        id: Experiment ID.
        name: Name.
        description: Description.
        hypothesis: What the experiment should show.
        status: draft, active, concluded, success or fail.
        variants: Variants.
        metrics: Metrics.
        settings: Settings.
        exposures_cache: Exposures that Mixpanel counted last.
        results_cache: Results that Mixpanel computed last.
        start_date: Start, ISO 8601.
        end_date: End, ISO 8601.
        feature_flag: The feature flag that assigns the variants.
        tags: Tags.
        created: Creation time, ISO 8601.
        creator_id: User ID of the creator.
        creator_name: Name of the creator.
        creator_email: Email address of the creator.
        modified: Time of the last change, ISO 8601.
        deleted: Time of archiving, ISO 8601.
    """

    id: str
    name: str | None = None
    description: str | None = None
    hypothesis: str | None = None
    status: str | None = None
    variants: list[JSONValue] | None = None
    metrics: list[JSONValue] | None = None
    settings: dict[str, JSONValue] | None = None
    exposures_cache: dict[str, JSONValue] | None = None
    results_cache: dict[str, JSONValue] | None = None
    start_date: str | None = None
    end_date: str | None = None
    feature_flag: dict[str, JSONValue] | None = None
    tags: list[str] = msgspec.field(default_factory=list)
    created: str | None = None
    creator_id: int | None = None
    creator_name: str | None = None
    creator_email: str | None = None
    modified: str | None = None
    deleted: str | None = None


class ExperimentSteps(Resource):
    """Calls that move an experiment through its lifecycle."""

    async def archive(self, experiment_id: Id, **scope: Unpack[WorkspaceScope]) -> Acknowledgement:
        """Archive an experiment.

        Args:
            experiment_id: Experiment ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/archive-experiment

        Example:
            ```python
            await mp.experiments.archive("a1b2c3")
            ```
        """
        request = self._request("archive", "POST", scope, experiment_id, "/archive", body={})
        return read_acknowledgement(request, await self._session.send(request))

    async def unarchive(self, experiment_id: Id, **scope: Unpack[WorkspaceScope]) -> Experiment:
        """Restore an archived experiment and return it.

        Args:
            experiment_id: Experiment ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/unarchive-experiment

        Example:
            ```python
            await mp.experiments.unarchive("a1b2c3")
            ```
        """
        request = self._request("unarchive", "DELETE", scope, experiment_id, "/archive")
        return read_results(request, await self._session.send(request), Experiment)

    async def launch(self, experiment_id: Id, **scope: Unpack[WorkspaceScope]) -> Experiment:
        """Start an experiment and return it.

        Args:
            experiment_id: Experiment ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/launch-experiment

        Example:
            ```python
            experiment = await mp.experiments.launch("a1b2c3")
            ```
        """
        request = self._request("launch", "PUT", scope, experiment_id, "/launch", body={}, is_repeatable=False)
        return read_results(request, await self._session.send(request), Experiment)

    async def force_conclude(
        self, experiment_id: Id, *, end_date: Date | None = None, **scope: Unpack[WorkspaceScope]
    ) -> Experiment:
        """End an experiment early and return it.

        Args:
            experiment_id: Experiment ID.
            end_date: End: a date, a datetime or ISO 8601 (default: now).

        Raises:
            ApiError: Mixpanel refused the request.
            InvalidArgumentError: `end_date` is invalid.

        Reference: https://developer.mixpanel.com/reference/force-conclude-experiment

        Example:
            ```python
            await mp.experiments.force_conclude("a1b2c3", end_date="2026-08-31")
            ```
        """
        body = {"end_date": iso_moment("end_date", end_date)}
        request = self._request(
            "force_conclude", "PUT", scope, experiment_id, "/force_conclude", body=body, is_repeatable=False
        )
        return read_results(request, await self._session.send(request), Experiment)

    async def decide(
        self,
        experiment_id: Id,
        *,
        success: bool,
        variant: str | None = None,
        message: str | None = None,
        **scope: Unpack[WorkspaceScope],
    ) -> Experiment:
        """Record the decision on an experiment and return the experiment.

        Args:
            experiment_id: Experiment ID.
            success: Whether the hypothesis was confirmed.
            variant: Key of the variant that is kept.
            message: Reason for the decision.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/decide-experiment

        Example:
            ```python
            await mp.experiments.decide("a1b2c3", success=True, variant="one-step")
            ```
        """
        body = {"success": success, "variant": variant, "message": message}
        request = self._request("decide", "PATCH", scope, experiment_id, "/decide", body=body)
        return read_results(request, await self._session.send(request), Experiment)

    def _request(
        self,
        operation: str,
        method: str,
        scope: WorkspaceScope,
        experiment_id: Id | None = None,
        rest: str = "",
        *,
        body: Mapping[str, JSONValue] | None = None,
        is_repeatable: bool | None = None,
    ) -> Request:
        name = f"experiments.{operation}"
        path = f"{self._workspace_path(name, scope, allowed=WorkspaceScope)}/experiments"
        if experiment_id is not None:
            path += f"/{segment('experiment_id', experiment_id)}{rest}"
        return app_request(name, method, path, body=body, is_repeatable=is_repeatable)
