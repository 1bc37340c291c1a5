"""The published operations, as facts: method, server, path, parameters, bodies, replies."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

Facts = Mapping[str, Any]


class Operation(msgspec.Struct, frozen=True):
    """One row of the table.

    `deviation` says where the published specification is wrong or silent, and what is done in its place.
    """

    family: str
    operation: str
    method: str
    server: str
    path: str
    security: list[list[str]]
    parameters: list[dict[str, Any]]
    body: dict[str, dict[str, Any]]
    status: int
    replies: dict[str, dict[str, Any]]
    deviation: str = ""

    def parameter_names(self, place: str) -> set[str]:
        """Names of the parameters in `path`, `query` or `header`."""
        return {one["name"] for one in self.parameters if one["in"] == place}


OPERATIONS: Mapping[str, Operation] = {
    row["operation"]: msgspec.convert(row, Operation)
    for row in json.loads(Path(__file__).with_name("operations.json").read_text("utf-8"))
}
