"""GET, PUT and DELETE /lookup-tables."""

import csv
import io
from functools import partial
from typing import Any

from aiohttp import web

from mixpanel_async.emulator.http.credentials import check_credentials
from mixpanel_async.emulator.http.request_body import decompress, read_body
from mixpanel_async.emulator.projects import Project
from mixpanel_async.emulator.replies import RefusalError, json_reply
from mixpanel_async.emulator.state import STATE
from mixpanel_async.emulator.store.database import Store

MAX_TABLE_BYTES = 100_000_000
_MAX_FAILED = 1000  # the reply lists no more


async def get_tables(request: web.Request) -> web.StreamResponse:
    """List the lookup tables.

    Raises:
        RefusalError: The credential is invalid.
    """
    state = request.app[STATE]
    project = check_credentials(request)
    found = await state.run(
        partial(state.store.rows, "SELECT id, name FROM lookup_tables WHERE project = ? ORDER BY id", [project.id])
    )
    return json_reply(
        {"code": 200, "status": "OK", "results": [{"id": table_id, "name": name} for table_id, name in found]}
    )


async def put_table(request: web.Request) -> web.StreamResponse:
    """Replace a lookup table; a project without a list of its tables has a table of every ID.

    Args:
        request: CSV with a header row; the first column is the key.

    Raises:
        RefusalError: The credential, the Content-Type or a row is invalid, or the table does not exist. Nothing is
            stored then.
    """
    state = request.app[STATE]
    project = check_credentials(request)
    if request.content_type != "text/csv":
        raise RefusalError(400, "Content-Type must be text/csv")
    body = await read_body(request, MAX_TABLE_BYTES)
    encoding = request.headers.get("Content-Encoding", "").lower()
    content = await state.run(partial(_checked_csv, body, encoding))
    if not await state.run(partial(_replace, state.store, project, request.match_info["id"], content)):
        raise _unknown(request)
    return json_reply({"code": 200, "status": "OK"})


async def delete_table(request: web.Request) -> web.StreamResponse:
    """Delete a lookup table.

    Raises:
        RefusalError: The credential is invalid, or the table does not exist.
    """
    state = request.app[STATE]
    project = check_credentials(request)
    table_id = request.match_info["id"]
    if not await state.run(partial(state.store.delete_lookup_table, project.id, table_id)):
        raise _unknown(request)
    return json_reply({"code": 200, "status": "OK"})


def _replace(store: Store, project: Project, table_id: str, content: str) -> bool:
    if project.lookup_tables is None:
        store.add_lookup_tables(project.id, {table_id: table_id})
    return store.replace_lookup_table(project.id, table_id, content)


def _unknown(request: web.Request) -> RefusalError:
    return RefusalError(404, f"Lookup table with id {request.match_info['id']!r} was not found.")


def _checked_csv(body: bytes, encoding: str) -> str:
    try:
        content = decompress(body, encoding, MAX_TABLE_BYTES).decode()
    except UnicodeDecodeError as error:
        raise RefusalError(400, "the table is not UTF-8") from error
    try:
        failed = _failed_rows(content)
    except csv.Error as error:
        raise RefusalError(400, f"the table is not CSV: {error}") from error
    if failed:
        raise RefusalError(400, "some data points in the request failed validation", facts={"failed_records": failed})
    return content


def _failed_rows(content: str) -> list[dict[str, Any]]:
    rows = csv.reader(io.StringIO(content, newline=""))
    columns = next(rows, None)
    if not columns:
        raise RefusalError(400, "the table is empty")
    failed: list[dict[str, Any]] = []
    for index, row in enumerate(rows, 1):
        if len(row) != len(columns):
            failed.append({"index": index, "message": "invalid row: wrong number of fields"})
        elif not row[0].strip():
            failed.append({"index": index, "message": "the key in the first column is missing"})
        if len(failed) == _MAX_FAILED:
            break
    return failed
