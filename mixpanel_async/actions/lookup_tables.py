"""Lookup tables: list, replace, delete."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, Unpack

from mixpanel_async import remote
from mixpanel_async.actions._core.params import Id, pairs, segment
from mixpanel_async.actions._core.resource import Resource
from mixpanel_async.actions._core.responses import (
    Acknowledgement,
    ApiList,
    ApiObject,
    read_acknowledgement,
    read_result_list,
)
from mixpanel_async.actions._core.scope import ProjectScope, scope_fields
from mixpanel_async.actions.lookup_csv import check_csv, encode_rows
from mixpanel_async.errors import SourceError
from mixpanel_async.json_types import JSONValue
from mixpanel_async.redaction import is_remote
from mixpanel_async.session import Request

LookupRows: TypeAlias = Iterable[Mapping[str, JSONValue] | Sequence[JSONValue]]


class LookupTable(ApiObject, frozen=True):
    """A lookup table.

    Attributes:
        id: Table ID, for `replace` and `delete`.
        name: Name.
    """

    id: str
    name: str | None = None


class LookupTables(Resource):
    """Lookup tables of a project.

    Each call takes the optional argument `project_id` (default: the client's).

    Args:
        session: Sends the requests.

    Example:
        ```python
        tables = await mp.lookup_tables.list()
        ```
    """

    async def list(self, **scope: Unpack[ProjectScope]) -> ApiList[LookupTable]:
        """Return the project's lookup tables.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/list-lookup-tables

        Example:
            ```python
            for table in await mp.lookup_tables.list():
                print(table.id, table.name)
            ```
        """
        request = _request("list", "GET", "/lookup-tables", scope)
        return read_result_list(request, await self._session.send(request), LookupTable)

    async def replace(
        self,
        table_id: Id,
        source: str | Path | bytes | LookupRows,
        *,
        timeout_seconds: float | None = None,
        **scope: Unpack[ProjectScope],
    ) -> Acknowledgement:
        """Replace all rows of a lookup table, after checking that Mixpanel accepts them.

        Args:
            table_id: Table ID.
            source: Path or URL of a CSV file, CSV as bytes, or rows: mappings, or sequences of which the first is the
                header. The first column is the key.
            timeout_seconds: Timeout of each try (default: the client's setting).

        Raises:
            SourceError: The file cannot be read.
            InvalidRecordError: The table has no header, a duplicate column, rows of different widths or an empty key.
                The message names the line; nothing was sent.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/replace-lookup-table

        Example:
            ```python
            rows = [{"sku": "a-1", "title": "Chair"}, {"sku": "a-2", "title": "Desk"}]
            await mp.lookup_tables.replace("table-id", rows)
            ```
        """
        body = await asyncio.to_thread(_checked_csv, source)
        path = f"/lookup-tables/{segment('table_id', table_id)}"
        request = _request("replace", "PUT", path, scope, body, timeout_seconds=timeout_seconds)
        return read_acknowledgement(request, await self._session.send(request))

    async def delete(self, table_id: Id, **scope: Unpack[ProjectScope]) -> Acknowledgement:
        """Delete a lookup table.

        Args:
            table_id: Table ID.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/lookup-tables

        Example:
            ```python
            await mp.lookup_tables.delete("table-id")
            ```
        """
        path = f"/lookup-tables/{segment('table_id', table_id)}"
        request = _request("delete", "DELETE", path, scope)
        # The reference does not describe the reply.
        return read_acknowledgement(request, await self._session.send(request), empty_at={200, 204})


def _request(
    operation: str,
    method: str,
    path: str,
    scope: ProjectScope,
    body: bytes | None = None,
    *,
    timeout_seconds: float | None = None,
) -> Request:
    return Request(
        operation=f"lookup_tables.{operation}",
        method=method,
        server="ingestion",
        path=path,
        query=pairs({**scope_fields(f"lookup_tables.{operation}", scope, ProjectScope)}),
        body=body,
        content_type=None if body is None else "text/csv",
        has_project=True,
        timeout_seconds=timeout_seconds,
    )


def _checked_csv(source: str | Path | bytes | LookupRows) -> bytes:
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, str) and is_remote(source):
        data = remote.read_object(source)
    elif isinstance(source, str | Path):
        try:
            data = Path(source).read_bytes()
        except OSError as error:
            raise SourceError(f"cannot read {source}: {error.strerror or error}") from None
    else:
        data = encode_rows(source)
    check_csv(data)
    return data
