"""JSON documents by project, kind and ID: what the app API creates and changes."""

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
