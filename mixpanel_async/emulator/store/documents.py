"""JSON documents by project, kind and ID: what the app API creates and changes."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import duckdb


class Documents:
    """The documents; every change is written at once.

    Args:
        connection: The database; used on the store's thread only.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._connection = connection

    def new_id(self) -> int:
        """Return a number that was never returned before."""
        row = self._connection.execute("SELECT nextval('document_ids')").fetchone()
        return 0 if row is None else int(row[0])

    def get(self, project: int, kind: str, document_id: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return a document; None if there is none."""
        row = self._connection.execute(
            "SELECT body FROM documents WHERE project = ? AND kind = ? AND id = ?", [project, kind, document_id]
        ).fetchone()
        return None if row is None else orjson.loads(row[0])

    def put(self, project: int, kind: str, document_id: str, body: object) -> None:
        """Create or replace a document with a JSON value."""
        self._connection.execute(
            "INSERT INTO documents (project, kind, id, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET body = excluded.body",
            [project, kind, document_id, orjson.dumps(body).decode()],
        )

    def add(self, project: int, kind: str, make: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
        """Create a document with a new ID, which `make` gets, and return it."""
        new_id = self.new_id()
        body = make(new_id)
        self.put(project, kind, str(new_id), body)
        return body

    def change(
        self, project: int, kind: str, document_id: str, transition: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any] | None:
        """Replace a document by what `transition` makes of it, and return the result; None if there is none."""
        body = self.get(project, kind, document_id)
        if body is None:
            return None
        changed = transition(body)
        if changed != body:
            self.put(project, kind, document_id, changed)
        return changed

    def put_all(self, project: int, kind: str, bodies: Mapping[str, object]) -> None:
        """Create or replace many documents by their IDs."""
        self._connection.execute(
            "INSERT INTO documents (project, kind, id, body)"
            " SELECT ?, ?, unnest(?::VARCHAR[]), unnest(?::VARCHAR[]) ON CONFLICT DO UPDATE SET body = excluded.body",
            [project, kind, list(bodies), [orjson.dumps(body).decode() for body in bodies.values()]],
        )

    def delete_all(self, project: int, kind: str, document_ids: Iterable[str]) -> None:
        """Delete the documents with some IDs."""
        self._connection.execute(
            "DELETE FROM documents WHERE project = ? AND kind = ? AND id IN (SELECT unnest(?::VARCHAR[]))",
            [project, kind, list(document_ids)],
        )

    def everywhere(self, kind: str) -> list[tuple[int, Any]]:  # any JSON value
        """Return the documents of a kind in all projects, with the project, in the order of creation."""
        found = self._connection.execute(
            "SELECT project, body FROM documents WHERE kind = ? ORDER BY seq", [kind]
        ).fetchall()
        return [(project, orjson.loads(body)) for project, body in found]

    def delete(self, project: int, kind: str, document_id: str) -> bool:
        """Delete a document; return whether it existed."""
        return bool(
            self._connection.execute(
                "DELETE FROM documents WHERE project = ? AND kind = ? AND id = ? RETURNING id",
                [project, kind, document_id],
            ).fetchall()
        )

    def list(self, project: int, kind: str) -> list[tuple[str, Any]]:
        """Return the documents of a kind, with their IDs, in the order of creation."""
        found = self._connection.execute(
            "SELECT id, body FROM documents WHERE project = ? AND kind = ? ORDER BY seq", [project, kind]
        ).fetchall()
        return [(document_id, orjson.loads(body)) for document_id, body in found]
