"""Data pipelines: scheduled exports by Mixpanel."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, Unpack, cast

import msgspec

from mixpanel_async.actions._core.params import FieldValue, check_choice, check_exclusive, form_body, pairs, texts
from mixpanel_async.actions._core.resource import FORM
from mixpanel_async.actions._core.responses import (
    Acknowledgement,
    ApiList,
    keep_body,
    read_acknowledgement,
    read_answer,
    read_keyed,
    read_part,
)
from mixpanel_async.actions._core.scope import ProjectScope, scope_fields
from mixpanel_async.actions.pipelines.destinations import PipelineKind, pipeline_form
from mixpanel_async.actions.pipelines.generic import ROOT, GenericPipelines
from mixpanel_async.actions.pipelines.models import (
    NewPipeline,
    PipelineJob,
    PipelineStatus,
    PipelineTask,
    PipelineTimeline,
)
from mixpanel_async.auth import Credential
from mixpanel_async.errors import MissingCredentialsError
from mixpanel_async.expressions import AnyExpression
from mixpanel_async.session import Reply, Request

TaskStatus: TypeAlias = Literal["pending", "running", "retried", "failed", "canceled", "timed_out"]
_EMPTY_AT: Final = frozenset({200})  # the reference describes no body for a change of a pipeline


class Pipelines(GenericPipelines):
    """Data pipelines: scheduled exports to a bucket or warehouse.

    Each call takes the optional argument `project_id` (default: the client's).

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/data-pipelines-api

    Example:
        ```python
        pipelines = await mp.pipelines.list()
        ```
    """

    async def list(self, **scope: Unpack[ProjectScope]) -> ApiList[PipelineJob]:
        """Return the scheduled pipelines.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/list-warehouse-pipeline-jobs

        Example:
            ```python
            for job in await mp.pipelines.list():
                print(job.name, job.last_dispatched)
            ```
        """
        request = _read("list", "jobs", scope, {})
        reply = await self._session.send(request)
        found = ApiList[PipelineJob](body=reply.body)
        for key, parts in read_keyed(request, reply, list[msgspec.Raw]).items():
            for part in parts:
                job = read_part(request, reply, PipelineJob, part, "an item of the reply")
                job = msgspec.structs.replace(job, project_id=key)
                found.append(keep_body(job, bytes(part)))
        return found

    async def create(self, pipeline: PipelineKind, **scope: Unpack[ProjectScope]) -> NewPipeline:
        """Create a pipeline and return its names.

        Args:
            pipeline: `GcsRaw`, `S3Raw`, `AzureRaw`, `BigQuery`, `Snowflake`, `Aws`, `AzureBlob` or `GcsSchema`.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/create-warehouse-pipeline

        Example:
            ```python
            from mixpanel_async.actions import GcsRaw

            raw = GcsRaw(from_date="2026-08-01", gcs_bucket="exports", gcs_region="us-east1")
            created = await mp.pipelines.create(raw)
            print(created.pipeline_names)
            ```
        """
        request = self._write("create", pipeline_form(pipeline), scope)
        return read_answer(request, await self._session.send(request), NewPipeline)

    async def edit(
        self,
        name: str,
        *,
        events: Sequence[str] | None = None,
        where: AnyExpression | None = None,
        azure_client_id: str | None = None,
        azure_client_secret: str | None = None,
        azure_tenant_id: str | None = None,
        bq_share_with_group: Sequence[str] | None = None,
        glue_database: str | None = None,
        glue_role: str | None = None,
        glue_table_prefix: str | None = None,
        **scope: Unpack[ProjectScope],
    ) -> Acknowledgement:
        """Change a pipeline.

        Args:
            name: Name of the pipeline.
            events: Export only these events.
            where: Expression that filters events.
            azure_client_id: Client ID of an Azure pipeline's service principal.
            azure_client_secret: Client secret of the service principal.
            azure_tenant_id: Tenant ID of the service principal.
            bq_share_with_group: Groups that a BigQuery pipeline's dataset is shared with.
            glue_database: Glue database of an AWS pipeline.
            glue_role: Role that updates Glue.
            glue_table_prefix: Prefix of the tables in Glue.

        Raises:
            InvalidArgumentError: The fields belong to different kinds of pipeline.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/edit-warehouse-pipeline

        Example:
            ```python
            await mp.pipelines.edit("trial-events-daily", events=["Signed Up"])
            ```
        """
        azure = {"azure_client_id": azure_client_id, "azure_client_secret": azure_client_secret,
                 "azure_tenant_id": azure_tenant_id}  # fmt: skip
        glue = {"glue_database": glue_database, "glue_role": glue_role, "glue_table_prefix": glue_table_prefix}
        _check_one_kind(azure, glue, {"bq_share_with_group": bq_share_with_group})
        form: dict[str, FieldValue] = {
            "name": name, "events": texts("events", events), "where": where,
            "bq_share_with_group": texts("bq_share_with_group", bq_share_with_group), **azure, **glue,
        }  # fmt: skip
        request = self._write("edit", form, scope)
        return read_acknowledgement(request, await self._session.send(request), empty_at=_EMPTY_AT)

    async def cancel(
        self, name: str, *, credential: Credential | None = None, **scope: Unpack[ProjectScope]
    ) -> Acknowledgement:
        """Delete a pipeline; its schedule ends.

        Args:
            name: Name of the pipeline.
            credential: Replaces the client's credentials for this call, for example `ProjectToken(...)`.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/cancel-warehouse-pipeline

        Example:
            ```python
            await mp.pipelines.cancel("trial-events-daily")
            ```
        """
        request = self._write("cancel", {"name": name}, scope, credential)
        return read_acknowledgement(request, await self._session.send(request), empty_at=_EMPTY_AT)

    delete = cancel  # the name in other integrations

    async def pause(self, name: str, **scope: Unpack[ProjectScope]) -> Acknowledgement:
        """Pause a pipeline until `resume` is called.

        Args:
            name: Name of the pipeline.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/pause-warehouse-pipeline

        Example:
            ```python
            await mp.pipelines.pause("trial-events-daily")
            ```
        """
        request = self._write("pause", {"name": name}, scope)
        return read_acknowledgement(request, await self._session.send(request), empty_at=_EMPTY_AT)

    async def resume(self, name: str, **scope: Unpack[ProjectScope]) -> Acknowledgement:
        """Resume a paused pipeline.

        Args:
            name: Name of the pipeline.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/resume-warehouse-pipeline

        Example:
            ```python
            await mp.pipelines.resume("trial-events-daily")
            ```
        """
        request = self._write("resume", {"name": name}, scope)
        return read_acknowledgement(request, await self._session.send(request), empty_at=_EMPTY_AT)

    async def status(
        self,
        name: str,
        *,
        summary: bool | None = None,
        status: TaskStatus | Sequence[TaskStatus] | None = None,
        **scope: Unpack[ProjectScope],
    ) -> PipelineStatus:
        """Return the runs of a pipeline, by state.

        Args:
            name: Name of the pipeline.
            summary: Return only the number of runs in each state.
            status: Only runs in this state or these states.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/get-warehouse-pipeline-status

        Example:
            ```python
            status = await mp.pipelines.status("trial-events-daily", status=["failed", "running"])
            failed = status.tasks.get("failed", [])
            ```
        """
        states = texts("status", cast("Sequence[str] | None", status))
        for one in states or ():
            check_choice("status", one, TaskStatus)
        query = {"name": name, "summary": summary, "status": states}
        request = _read("status", "status", scope, query)
        reply = await self._session.send(request)
        return keep_body(PipelineStatus(_tasks_of(request, reply)), reply.body)

    get = status  # the name in other integrations

    async def timeline(self, name: str | None = None, **scope: Unpack[ProjectScope]) -> PipelineTimeline:
        """Return when each day was exported.

        Args:
            name: Name of the pipeline (default: all pipelines).

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/list-warehouse-pipeline-sync-dates

        Example:
            ```python
            for day in (await mp.pipelines.timeline("trial-events-daily")).day_syncs:
                print(day.date, day.status)
            ```
        """
        request = _read("timeline", "timeline", scope, {"name": name})
        return read_answer(request, await self._session.send(request), PipelineTimeline)

    def _write(
        self,
        operation: str,
        form: Mapping[str, FieldValue],
        scope: ProjectScope,
        credential: Credential | None = None,
    ) -> Request:
        project = self._project_id(f"pipelines.{operation}", scope)
        if project is None and self._session.needs_project(credential):
            raise MissingCredentialsError(
                f"pipelines.{operation} needs a project_id; give one to the client or the call"
                f"{', or the call credential=ProjectToken(...)' if operation == 'cancel' else ''}"
            )
        return Request(
            operation=f"pipelines.{operation}",
            method="POST",
            server="data",
            path=f"{ROOT}/nessie/pipeline/{operation}",
            body=form_body({"project_id": project, **form}),
            content_type=FORM,
            credential=credential,
            takes_token=operation == "cancel",
        )


def _read(operation: str, path: str, scope: ProjectScope, query: Mapping[str, FieldValue]) -> Request:
    return Request(
        operation=f"pipelines.{operation}",
        method="GET",
        server="data",
        path=f"{ROOT}/nessie/pipeline/{path}",
        query=pairs({**scope_fields(f"pipelines.{operation}", scope, ProjectScope), **query}),
        has_project=True,
    )


def _tasks_of(request: Request, reply: Reply) -> dict[str, list[PipelineTask] | int]:
    return read_keyed(request, reply, list[PipelineTask] | int)  # type: ignore[arg-type]


def _check_one_kind(*kinds: Mapping[str, object]) -> None:
    check_exclusive(**{_names(kind): _names(kind) for kind in kinds if _names(kind)})


def _names(kind: Mapping[str, object]) -> str:
    return ", ".join(name for name, value in kind.items() if value is not None)
