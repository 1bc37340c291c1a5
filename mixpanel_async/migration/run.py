"""Migrates the parts of a project one after another."""

import asyncio
import hashlib
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import orjson

from mixpanel_async.actions._core.params import Date, date_range
from mixpanel_async.client import AsyncMixpanel
from mixpanel_async.errors import InvalidArgumentError, InvalidSettingError, MissingCredentialsError
from mixpanel_async.jobs.arguments import ImportArguments
from mixpanel_async.jobs.atomic_write import naming, replace_file
from mixpanel_async.jobs.mapping.config import RecordMapping
from mixpanel_async.jobs.model.event_key import IDENTITY_EVENTS
from mixpanel_async.migration.options import MigrationOptions
from mixpanel_async.migration.records import (
    event_as_it_was,
    event_with_simple_ids,
    other_event_as_it_was,
    profile_updates,
)
from mixpanel_async.migration.report import MigrationReport, PartReport

EventTransform: TypeAlias = Callable[[dict[str, Any]], dict[str, Any] | None]
_MAX_SCHEMAS: Final = 4_000


async def migrate(
    source: AsyncMixpanel,
    target: AsyncMixpanel,
    directory: str | os.PathLike[str],
    from_date: Date,
    to_date: Date,
    *,
    options: MigrationOptions | None = None,
) -> MigrationReport:
    """Copy events, profiles, groups, schemas and annotations from one project to another; needs the extra `lake`.

    Everything is exported to a directory first and imported from there. The same call goes on where an earlier one
    ended; nothing arrives twice, because events keep their `$insert_id` and profiles are set. Schemas come first, then
    identity events, then the others. At the end the events of both projects are compared.

    Lookup tables cannot be read over the API: upload their files with `lookup_tables.replace`. Neither reports nor
    cohorts are migrated.

    Args:
        source: Client of the project to read; needs credentials.
        target: Client of the project to write; needs its token, and credentials for schemas, annotations and the
            comparison.
        directory: Local directory for exports, checkpoints and rejected records; is created if it is missing.
        from_date: First day of events and annotations, inclusive.
        to_date: Last day, inclusive.
        options: What to migrate, and how.

    Raises:
        InvalidArgumentError: A date or option is invalid, or the directory belongs to another migration.
        OutputError: A file cannot be written.
        ApiError: One of the projects refused a request.
        TransportError: A reply did not arrive in any attempt.

    Reference: https://developer.mixpanel.com/reference/raw-event-export

    Example:
        ```python
        from mixpanel_async.migration import MigrationOptions, migrate

        async with AsyncMixpanel("other-project-token", project_id=2, region="eu") as target:
            options = MigrationOptions(dry_run=True)
            report = await migrate(mp, target, "migration", "2026-01-01", "2026-08-31", options=options)
            print(report.is_complete, report.parts)
        ```
    """
    days = date_range(from_date, to_date)
    return await _Migration(source, target, pathlib.Path(directory), days, options or MigrationOptions()).run()


class _Migration:
    def __init__(
        self,
        source: AsyncMixpanel,
        target: AsyncMixpanel,
        directory: pathlib.Path,
        days: tuple[str, str],
        options: MigrationOptions,
    ) -> None:
        self._source = source
        self._target = target
        self._directory = directory
        self._days = days
        self._options = options
        self._transform = event_with_simple_ids if options.simplify_ids else event_as_it_was
        self._parts: list[PartReport] = []

    async def run(self) -> MigrationReport:
        if _is_same_project(_place(self._source), _place(self._target)):
            raise InvalidArgumentError("target is invalid: it is the project to read; give a client of another project")
        has_profiles = self._options.has("profiles") or self._options.groups
        if has_profiles and self._target._session.token is None:  # noqa: SLF001 - as in `_place`
            raise MissingCredentialsError(
                "profiles and groups need the project token of the target (MIXPANEL_TO_TOKEN)"
            )
        with naming(str(self._directory)):
            await asyncio.to_thread(self._claim_directory)
        options, comparison = self._options, None
        if options.has("schemas"):
            await self._migrate_schemas()
        if options.has("events"):
            await self._migrate_events()
            if not options.dry_run:
                options.note("comparing the events of both projects")
                comparison = await self._target.reconcile(
                    self._events, *self._days, mapping=self._mapping(), transform=self._transform,
                    wait_seconds=options.wait_seconds, output=str(self._directory / "differences.ndjson"),
                )  # fmt: skip
        if options.has("profiles"):
            await self._migrate_profiles()
        if options.has("groups"):
            for group_key, data_group_id in options.groups.items():
                await self._migrate_groups(group_key, data_group_id)
        if options.has("annotations"):
            await self._migrate_annotations()
        return MigrationReport(parts=self._parts, is_dry_run=options.dry_run, comparison=comparison)

    def _claim_directory(self) -> None:
        """Make the directory, or check that it is the one of an earlier run of this migration. Blocks."""
        options = self._options
        facts = {
            "source": _name(self._source),
            "target": _name(self._target),
            "from_date": self._days[0],
            "to_date": self._days[1],
            "simplify_ids": options.simplify_ids,
            "source_timezone": options.source_timezone,
        }
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / "migration.json"
        if not path.exists():
            replace_file(path, [orjson.dumps(facts, option=orjson.OPT_INDENT_2) + b"\n"])
            return
        try:
            known = orjson.loads(path.read_bytes())
        except orjson.JSONDecodeError:
            known = None
        if known != facts:
            changed = [name for name, value in facts.items() if not isinstance(known, dict) or known.get(name) != value]
            raise InvalidArgumentError(
                f"directory is invalid: {self._directory} belongs to a migration with another {', '.join(changed)}; "
                "repeat that one, or name another directory"
            )

    @property
    def _events(self) -> str:
        return str(self._directory / "events") + os.sep

    def _mapping(self, events: frozenset[str] | None = None) -> RecordMapping | None:
        zone = self._options.source_timezone
        return None if zone is None and events is None else RecordMapping(shift_from_zone=zone, events=events)

    def _job(self, name: str) -> ImportArguments:
        """Return the options of an import: what is resumed, and where rejected records go."""
        if self._options.dry_run:
            return {"dry_run": True}
        return {
            "probe": True,  # a wrong address or credential of the target is told at once, and is no outage
            "checkpoint": str(self._directory / f"{name}.checkpoint"),
            "dead_letters": str(self._directory / f"{name}.rejected.ndjson"),
        }

    async def _migrate_events(self) -> None:
        self._options.note("exporting events")
        exported = await self._source.export.to_file(self._events, *self._days, time_in_ms=True)
        files = sorted((*exported.files, *exported.skipped))
        if self._options.simplify_ids:
            await self._import("events", files, None, event_with_simple_ids)
        else:
            await self._import("identity events", files, IDENTITY_EVENTS, event_as_it_was)
            await self._import("events", files, None, other_event_as_it_was)

    async def _import(
        self, name: str, files: Sequence[str], events: frozenset[str] | None, transform: EventTransform
    ) -> None:
        """Import the days one after another, each with a checkpoint of its own: a day may have been exported again."""
        reports = []
        for file in files:
            self._options.note(f"importing {name}: {pathlib.Path(file).name}")
            state = await asyncio.to_thread(os.stat, file)
            job = self._job(f"{pathlib.Path(file).stem}-{state.st_mtime_ns:x}-{name.partition(' ')[0]}")
            mapping = self._mapping(events)
            reports.append(await self._target.import_events(file, mapping=mapping, transform=transform, **job))
        self._parts.append(PartReport.of_imports(name, reports, is_selection=events is not None))

    async def _migrate_profiles(self) -> None:
        self._options.note("exporting profiles")
        path = self._directory / "profiles.ndjson"
        if not await asyncio.to_thread(path.exists):
            await self._source.export.profiles_to_file(path, resume=True)
        updates = await self._updates_of(path)
        self._options.note("importing profiles")
        report = await self._target.import_profiles(updates, **self._job("profiles"))
        await self._end_copy(path, PartReport.of_imports("profiles", [report]))

    async def _migrate_groups(self, group_key: str, data_group_id: str | int) -> None:
        name = f"groups of {group_key}"
        self._options.note(f"exporting {name}")
        path = self._directory / f"groups-{_file_name(group_key, data_group_id)}.ndjson"
        if not await asyncio.to_thread(path.exists):
            await self._source.export.groups_to_file(path, group_key, data_group_id, resume=True)
        updates = await self._updates_of(path)
        self._options.note(f"importing {name}")
        report = await self._target.import_groups(updates, **self._job(path.stem))
        await self._end_copy(path, PartReport.of_imports(name, [report]))

    async def _end_copy(self, path: pathlib.Path, part: PartReport) -> None:
        """Keep the books of a part. If nothing is left to resume, the next run exports anew: profiles change.

        The export goes last: without its updates and checkpoint it is imported once more, which changes nothing.
        """
        self._parts.append(part)
        if part.undelivered or part.message:
            return
        checkpoint = path.with_name(f"{path.stem}.checkpoint")
        for file in (path.with_name(f"{path.stem}.updates.ndjson"), checkpoint, path):
            await asyncio.to_thread(file.unlink, missing_ok=True)

    async def _updates_of(self, path: pathlib.Path) -> str:
        """Write the updates of exported profiles beside them; return the path."""
        updates = path.with_name(f"{path.stem}.updates.ndjson")

        def write() -> None:
            with naming(str(updates)):
                if not updates.exists():
                    with path.open("rb") as file:
                        replace_file(updates, profile_updates(iter(file)))

        await asyncio.to_thread(write)
        return str(updates)

    async def _migrate_schemas(self) -> None:
        self._options.note("copying schemas")
        schemas = list(await self._source.schemas.list())
        if not self._options.dry_run:
            for first in range(0, len(schemas), _MAX_SCHEMAS):
                await self._target.schemas.upload(schemas[first : first + _MAX_SCHEMAS])
        written = 0 if self._options.dry_run else len(schemas)
        self._parts.append(self._copied("schemas", len(schemas), written))

    async def _migrate_annotations(self) -> None:
        self._options.note("copying annotations")
        first, last = self._days
        found = list(await self._source.annotations.list(from_date=first, to_date=last))
        known = await self._target.annotations.list(from_date=first, to_date=last)
        there = {(one.date, one.description) for one in known}
        missing = [one for one in found if (one.date, one.description) not in there]
        if not self._options.dry_run and missing:
            tags = {tag.name: tag.id for tag in await self._target.annotations.list_tags()}
            for one in missing:
                names = [tag.name or "" for tag in one.tags]
                for name in names:
                    if name not in tags:
                        tags[name] = (await self._target.annotations.create_tag(name)).id
                own = [tags[name] for name in names]
                await self._target.annotations.create(one.date or "", one.description or "", tags=own or None)
        written = len(found) - (len(missing) if self._options.dry_run else 0)
        self._parts.append(self._copied("annotations", len(found), written))

    def _copied(self, part: str, read: int, written: int) -> PartReport:
        return PartReport(part=part, read=read, written=written, skipped=read - written if self._options.dry_run else 0)


def _place(client: AsyncMixpanel) -> tuple[str, object, object]:
    session = client._session  # noqa: SLF001 - the same package: which project a client is about has no public name
    return session.address("ingestion"), session.project_id, session.token


def _is_same_project(source: tuple[str, object, object], target: tuple[str, object, object]) -> bool:
    """Return whether two clients of one server have the same project ID or token; one of them may have only one."""
    return source[0] == target[0] and any(a is not None and a == b for a, b in zip(source[1:], target[1:], strict=True))


def _name(client: AsyncMixpanel) -> str:
    """Return which project a client is about, without its token."""
    address, project_id, token = _place(client)
    digest = hashlib.sha256(str(token).encode()).hexdigest()[:12]
    return f"{address} {project_id} {digest}"


def _file_name(group_key: str, data_group_id: str | int) -> str:
    """Return a name that no other group key or ID has, whatever characters they have."""
    name = "".join(character if character.isalnum() or character in "-_" else "_" for character in group_key)
    if not name:
        raise InvalidSettingError(f"groups is invalid: {group_key!r} is not a group key")
    digest = hashlib.sha256(orjson.dumps([group_key, str(data_group_id)])).hexdigest()[:8]
    return f"{name}-{digest}"
