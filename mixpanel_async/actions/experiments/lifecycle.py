"""The steps of an experiment's life: launch, decide, conclude, put away."""

from collections.abc import Mapping
from typing import Unpack

import msgspec

from mixpanel_async.actions._core.params import Date, Id, iso_moment, segment
from mixpanel_async.actions._core.resource import Resource, app_request
from mixpanel_async.actions._core.responses import Acknowledgement, ApiObject, read_acknowledgement, read_results
from mixpanel_async.actions._core.scope import WorkspaceScope
from mixpanel_async.models import JSONValue
from mixpanel_async.session import Request


class Experiment(ApiObject, frozen=True):
    """An experiment; rights, dates of pinning and the like are in its `raw`.

    Attributes:
        id: Its id.
        name: Its name.
        description: Its description.
        hypothesis: What it is to show.
        status: draft, active, concluded, success or fail.
        variants: Its variants.
        metrics: Its metrics.
        settings: Its settings.
        exposures_cache: Exposures, as Mixpanel last counted them.
        results_cache: Results, as Mixpanel last computed them.
        start_date: When it began, ISO 8601.
        end_date: When it ended, ISO 8601.
        feature_flag: The flag behind it.
        tags: Its tags.
        created: When it was made, ISO 8601.
        creator_id: Who made it.
        creator_name: That user's name.
        creator_email: That user's address.
        modified: When it was changed last, ISO 8601.
        deleted: When it was archived, ISO 8601.
    """

    id: str | None = None
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
    """What happens to an experiment after it was made."""

    async def archive(self, experiment_id: Id, **scope: Unpack[WorkspaceScope]) -> Acknowledgement:
        """Put an experiment away.

        Args:
            experiment_id: Its id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/archive-experiment
        """
        request = self._request("archive", "POST", scope, experiment_id, "/archive", body={})
        return read_acknowledgement(request, await self._session.send(request))

    async def unarchive(self, experiment_id: Id, **scope: Unpack[WorkspaceScope]) -> Experiment:
        """Bring an experiment back that was put away.

        Args:
            experiment_id: Its id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/unarchive-experiment
        """
        request = self._request("unarchive", "DELETE", scope, experiment_id, "/archive")
        return read_results(request, await self._session.send(request), Experiment)

    async def launch(self, experiment_id: Id, **scope: Unpack[WorkspaceScope]) -> Experiment:
        """Start an experiment.

        Args:
            experiment_id: Its id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/launch-experiment
        """
        request = self._request("launch", "PUT", scope, experiment_id, "/launch", body={}, is_repeatable=False)
        return read_results(request, await self._session.send(request), Experiment)

    async def force_conclude(
        self, experiment_id: Id, *, end_date: Date | None = None, **scope: Unpack[WorkspaceScope]
    ) -> Experiment:
        """End an experiment before its time.

        Args:
            experiment_id: Its id.
            end_date: When it ends: a date, a datetime or ISO 8601; now unless given.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/force-conclude-experiment
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
        """Say what came out of an experiment.

        Args:
            experiment_id: Its id.
            success: Whether it showed what it was to show.
            variant: Key of the variant that is kept.
            message: Why.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/decide-experiment
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
