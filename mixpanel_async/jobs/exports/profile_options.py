"""Options and report of an export of profiles."""

from collections.abc import Sequence
from typing import TypedDict

import msgspec

from mixpanel_async.actions._core.params import Id
from mixpanel_async.actions.query.profiles import Behaviors
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.expressions import AnyExpression
from mixpanel_async.jobs.exports.profile_check import OnBadProfile
from mixpanel_async.jobs.exports.reader import check_on_bad_line


class GroupExportOptions(TypedDict, total=False):
    """Options of an export of group profiles; all are optional.

    Attributes:
        distinct_id: ID of the only profile to export; excludes `distinct_ids`.
        distinct_ids: IDs of the only profiles to export; excludes `distinct_id`.
        where: Expression to filter by.
        output_properties: The only properties to export.
        behaviors: Event selectors as documented by Mixpanel; excludes `filter_by_cohort`.
        as_of_timestamp: Unix time in seconds at which `behaviors` are evaluated; requires `behaviors`.
        filter_by_cohort: ID of a cohort; excludes `behaviors`.
        include_all_users: Whether to include users without a profile; requires `filter_by_cohort`.
        project_id: Project ID (default: the client's).
        workspace_id: Workspace ID (default: the client's).
        on_bad_line: What to do with a profile that cannot be read, such as one with NaN: `"raise"` (the default) raises
            UnreadableProfileError; `"keep"` passes it on to outputs of lines; a function is called with each
            `BadProfile`, and the profile is left out. A page that is cut off is an error in any case.
    """

    distinct_id: str | None
    distinct_ids: Sequence[str] | None
    where: AnyExpression | None
    output_properties: Sequence[str] | None
    behaviors: Behaviors | None
    as_of_timestamp: int | None
    filter_by_cohort: Id | None
    include_all_users: bool | None
    project_id: Id | None
    workspace_id: Id | None
    on_bad_line: OnBadProfile


class ProfileExportOptions(GroupExportOptions, total=False):
    """Options of an export of profiles: those of `GroupExportOptions`, and two more; all are optional.

    Attributes:
        data_group_id: ID of a group key: export group profiles instead of user profiles.
        group_key: Group key, for example `company`: write group profiles in the form that `import_groups` reads.
    """

    data_group_id: Id | None
    group_key: str | None


def check_profile_options(options: ProfileExportOptions) -> OnBadProfile:
    """Check that profiles written as groups are those of groups; return what to do with profiles that cannot be read.

    Raises:
        InvalidArgumentError: `group_key` is given without `data_group_id`, or `on_bad_line` is something else.
    """
    on_bad_line = options.get("on_bad_line", "raise")
    check_on_bad_line(on_bad_line)
    if options.get("group_key") is not None and options.get("data_group_id") is None:
        raise InvalidArgumentError(
            "data_group_id is missing: with group_key alone, user profiles would be written as groups; give the ID "
            "that Mixpanel gave to the group key (--data-group-id)"
        )
    return on_bad_line


class ProfileExportReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of an export of profiles.

    Attributes:
        profiles: Number of profiles written.
        line_bytes: Size of their lines as JSON.
        written_bytes: Size of the file.
        files: Files that were written.
        resumed: Number of the profiles that an earlier export had read; this one went on after them.
        bad_lines: Number of profiles that cannot be read; they are not among `profiles`, and were kept or passed to a
            function.
        restarts: How often the export began again, because Mixpanel had forgotten the session.
        duration_seconds: Duration of the export.
    """

    profiles: int
    line_bytes: int
    written_bytes: int
    files: Sequence[str]
    resumed: int = 0
    bad_lines: int = 0
    restarts: int = 0
    duration_seconds: float
