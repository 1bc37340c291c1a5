"""The operations of the ingestion API, input by input."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.integration.documents.connector import EVENTS, IMPORT, IMPORTED, OTHER_EVENTS, TRACK
from tests.integration.documents.rows import (
    BY_ACCOUNT,
    FORM,
    JSON,
    TOKEN,
    VERBOSE,
    Action,
    Row,
    method,
    project,
    request,
    swap,
)

VALUES: Final[Mapping[str, object]] = {
    "set": {"a": 1}, "set_once": {"a": 1}, "add": {"a": 1}, "append": {"a": 1}, "union": {"a": [1]},
    "remove": {"a": 1}, "unset": ["a"], "delete": "",
}  # fmt: skip
USER: Final = {"$token": TOKEN, "$distinct_id": "u"}
GROUP: Final = {"$token": TOKEN, "$group_key": "company", "$group_id": "acme"}
ENCODED: Final = base64.b64encode(EVENTS.encode()).decode()
CSV: Final = b"id,name\n1,a\n"

TRACKED: Final = Action(
    "POST /track", "`mp.ingest.track(events)`; batched: `mp.track`", "`track JSON`", method("ingest.track"),
    {"events": EVENTS}, ["track", EVENTS], TRACK.sent,
    [
        Row("data: an event or several", '`events`; also `{"data": ...}`', "`JSON`, `@FILE` or `-`",
            given={"events": {"data": json.loads(OTHER_EVENTS)}},
            cli=swap(EVENTS, json.dumps({"data": json.loads(OTHER_EVENTS)})),
            sent={"body": [{"event": "F", "properties": {"token": TOKEN, "distinct_id": "v", "a": [1]}}]}),
        VERBOSE,
        Row("ip", "`ip`", "`--ip/--no-ip`", given={"ip": False}, cli=["--no-ip"], sent={"query": {"ip": "0"}}),
    ],
)  # fmt: skip
ENCODED_TRACK: Final = Action(
    "POST /track as a form", '`mp.request("POST", "/track", form={"data": ...})`', "`request POST /track --form`",
    method("request"), {"method": "POST", "path_or_url": "/track", "form": {"data": "x"}},
    ["request", "POST", "/track", "--form", "data=x"], request("POST", "api", "/track", body=[("data", "x")],
    headers=FORM),
    [Row("data: base64", "`form`", "`--form`", given={"form": {"data": ENCODED}},
         cli=swap("data=x", f"data={ENCODED}"), sent={"body": [("data", ENCODED)]})],
)  # fmt: skip
IMPORTED_EVENTS: Final = Action(
    "POST /import", IMPORT.call, IMPORT.command, IMPORT.run, IMPORT.given, IMPORT.cli, IMPORT.sent,
    [
        Row("strict", "`strict` (default: True)", "`-q strict=0`", given={"strict": False},
            cli=swap("strict=1", "strict=0"), sent={"query": {"strict": "0"}}),
        project(),
        Row("events", "`events`", "`--json-body`", given={"events": IMPORTED.replace('"u"', '"w"')},
            cli=swap(IMPORTED, IMPORTED.replace('"u"', '"w"')),
            sent={"body": [{"event": "E", "properties": {"distinct_id": "w", "time": 1_700_000_000,
                                                         "$insert_id": "i"}}]}),
    ],
)  # fmt: skip


def _operation(name: str, target: Mapping[str, str], words: str, group: str) -> Row:
    """Return the row of an operation: one update, and a command of its own."""
    value = VALUES[name]
    own = {n: v for n, v in target.items() if n != "$token"}
    command = [group, name.replace("_", "-"), *own.values()]
    if name == "delete":
        command.append("--yes")
    else:
        command += ["a"] if name == "unset" else [json.dumps(value)]
    return Row(
        f"${name}", f'`{{"${name}": ...}}` in `updates`', f"`{group} {name.replace('_', '-')} {words}`",
        given={"updates": [{**own, f"${name}": value}]}, cli=lambda _: command,
        sent={"body": [{**target, f"${name}": value}]},
    )  # fmt: skip


def _updates(title: str, call: str, target: Mapping[str, str], words: str, group: str, names: Sequence[str]) -> Action:  # noqa: PLR0917 - a row of a table
    own = {n: v for n, v in target.items() if n != "$token"}
    update: dict[str, Any] = {**own, "$unset": ["b"]}
    path = "engage" if group == "profiles" else "groups"
    return Action(
        title, call, f"`{group} update JSON`", method(f"ingest.{path}"), {"updates": [update]},
        [group, "update", json.dumps([update])],
        request("POST", "api", f"/{path}", query={"verbose": "1"}, body=[{**target, "$unset": ["b"]}], headers=JSON),
        [*(_operation(name, target, words, group) for name in names), VERBOSE],
    )  # fmt: skip


ENGAGE: Final = _updates(
    "POST /engage", "`mp.ingest.engage(updates)`; batched: `mp.people`", USER, "ID ...", "profiles", list(VALUES)
)
GROUPS: Final = _updates(
    "POST /groups", "`mp.ingest.groups(updates)`; batched: `mp.groups`", GROUP, "KEY ID ...", "groups",
    ["set", "set_once", "union", "remove", "unset", "delete"],
)  # fmt: skip
TABLES: Final = Action(
    "GET /lookup-tables", "`mp.lookup_tables.list()`", "`lookup-tables list`", method("lookup_tables.list"), {},
    ["lookup-tables", "list"], request("GET", "api", "/lookup-tables", query={"project_id": "1"}, headers=BY_ACCOUNT),
    [project()],
)  # fmt: skip
REPLACE: Final = Action(
    "PUT /lookup-tables/{lookupTableId}", "`mp.lookup_tables.replace(table_id, source)`",
    "`lookup-tables replace ID FILE`", method("lookup_tables.replace"), {"table_id": "x", "source": CSV},
    ["lookup-tables", "replace", "x", "t.csv"],
    request("PUT", "api", "/lookup-tables/x", query={"project_id": "1"}, body=CSV,
            headers={**BY_ACCOUNT, "content-type": "text/csv"}),
    [
        Row("lookupTableId", "`table_id`", "`ID`", given={"table_id": "y"}, cli=swap("x", "y"),
            sent={"path": "/lookup-tables/y"}),
        Row("CSV", "`source`", "`FILE`", given={"source": b"id\n2\n"}, cli=swap("t.csv", "u.csv"),
            sent={"body": b"id\n2\n"}),
    ],
)  # fmt: skip
REMOVE: Final = Action(
    "DELETE /lookup-tables/{lookupTableId}", "`mp.lookup_tables.delete(table_id)`", "`lookup-tables delete ID`",
    method("lookup_tables.delete"), {"table_id": "x"}, ["lookup-tables", "delete", "x", "--yes"],
    request("DELETE", "api", "/lookup-tables/x", query={"project_id": "1"}, headers=BY_ACCOUNT),
    [Row("lookupTableId", "`table_id`", "`ID`", given={"table_id": "y"}, cli=swap("x", "y"),
         sent={"path": "/lookup-tables/y"})],
)  # fmt: skip

ACTIONS: Final[Sequence[Action]] = [
    TRACKED, ENCODED_TRACK, IMPORTED_EVENTS, ENGAGE, GROUPS, TABLES, REPLACE, REMOVE,
]  # fmt: skip
