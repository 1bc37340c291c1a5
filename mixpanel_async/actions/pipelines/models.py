"""Replies about pipelines."""

import msgspec

from mixpanel_async.actions._core.responses import ApiObject


class PipelineJob(ApiObject, frozen=True):
    """A scheduled pipeline; its `raw` has the fields that are not listed here.

    Attributes:
        name: Name of the pipeline.
        project_id: Project ID.
        frequency: Interval between runs.
        dispatcher: The service that runs the pipeline.
        last_dispatched: Time of the last run, as Mixpanel writes it.
        sync_enabled: Whether later changes of the data are exported too.
    """

    name: str
    project_id: str | None = None
    frequency: str | None = None
    dispatcher: str | None = msgspec.field(name="Dispatcher", default=None)
    last_dispatched: str | None = None
    sync_enabled: str | bool | None = None


class NewPipeline(ApiObject, frozen=True):
    """The pipelines that were created; `raw` has the fields that only some kinds return.

    Attributes:
        pipeline_names: Names, for `status`, `edit` and `cancel`.
        bigquery_dataset_name: Full name of the dataset.
    """

    pipeline_names: list[str]
    bigquery_dataset_name: str | None = None


class PipelineTask(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a pipeline."""

    project_id: int | str | None = None
    name: str | None = None
    state: str
    last_finish: str | None = None
    run_at: str | None = None
    from_date: str | None = None
    to_date: str | None = None


class PipelineStatus(ApiObject, frozen=True):
    """The runs of a pipeline.

    Attributes:
        tasks: Runs by state; with `summary` the number of runs.
    """

    tasks: dict[str, list[PipelineTask] | int]


class DaySync(msgspec.Struct, frozen=True):
    """The exports of one day."""

    date: str
    sync_times: list[str] = msgspec.field(default_factory=list)
    status: str | None = None


class PipelineTimeline(ApiObject, frozen=True):
    """The exports of each day."""

    day_syncs: list[DaySync]
