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
from mixpanel_async.models import JSONValue


class Experiments(ExperimentSteps):
    """Experiments.

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/experiments-api
    """

    async def list(self, **scope: Unpack[WorkspaceScope]) -> ApiList[Experiment]:
        """Return the experiments.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/list-experiments
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
        """Make an experiment, as a draft.

        Args:
            name: Its name.
            description: Its description.
            hypothesis: What it is to show.
            settings: Its settings.
            variants: Its variants.
            metrics: Its metrics.
            global_access_type: Who else may see or change it.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/create-experiment
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
            experiment_id: Its id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/get-experiment
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
        """Change what is given of an experiment.

        Args:
            experiment_id: Its id.
            name: Its name.
            description: Its description.
            hypothesis: What it is to show.
            status: Its status.
            settings: Its settings.
            variants: Its variants.
            metrics: Its metrics.
            start_date: When it begins: a date, a datetime or ISO 8601.
            end_date: When it ends: a date, a datetime or ISO 8601.
            exposures_cache: Exposures, as counted elsewhere.
            results_cache: Results, as computed elsewhere.
            tags: Its tags.
            global_access_type: Who else may see or change it.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/update-experiment
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
            experiment_id: Its id.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/delete-experiment
        """
        request = self._request("delete", "DELETE", scope, experiment_id)
        return read_acknowledgement(request, await self._session.send(request))
