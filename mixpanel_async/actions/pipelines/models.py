"""What Mixpanel says of pipelines."""

import msgspec

from mixpanel_async.actions._core.responses import ApiObject


class PipelineJob(ApiObject, frozen=True):
    """A pipeline that is scheduled; further fields are in its `raw`.

    Attributes:
        name: Names the pipeline.
        project_id: Its project.
        frequency: How often it runs.
        dispatcher: What runs it.
        last_dispatched: When it ran last, as Mixpanel writes it.
        sync_enabled: Whether later changes are exported too.
    """

    name: str | None = None
    project_id: str | None = None
    frequency: str | None = None
    dispatcher: str | None = msgspec.field(name="Dispatcher", default=None)
    last_dispatched: str | None = None
    sync_enabled: str | bool | None = None


class NewPipeline(ApiObject, frozen=True):
    """What was made; what a kind adds, such as `bigquery_dataset_name`, is in its `raw`.

    Attributes:
        pipeline_names: Names, for `status`, `edit` and `cancel`.
        bigquery_dataset_name: The dataset's address.
    """

    pipeline_names: list[str] = msgspec.field(default_factory=list)
    bigquery_dataset_name: str | None = None


class PipelineTask(msgspec.Struct, frozen=True):
    """One run of a pipeline."""

    project_id: int | str | None = None
    name: str | None = None
    state: str | None = None
    last_finish: str | None = None
    run_at: str | None = None
    from_date: str | None = None
    to_date: str | None = None


class PipelineStatus(ApiObject, frozen=True):
    """The runs of a pipeline.

    Attributes:
        tasks: By state, the runs; or with `summary` their number.
    """

    tasks: dict[str, list[PipelineTask] | int] = msgspec.field(default_factory=dict)


class DaySync(msgspec.Struct, frozen=True):
    """When a day was exported."""

    date: str | None = None
    sync_times: list[str] = msgspec.field(default_factory=list)
    status: str | None = None


class PipelineTimeline(ApiObject, frozen=True):
    """When each day was exported."""

    day_syncs: list[DaySync] = msgspec.field(default_factory=list)
