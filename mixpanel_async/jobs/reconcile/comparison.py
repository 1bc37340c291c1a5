"""The queries of a comparison: which events one side lacks, and which may differ. Blocks.

A table `flagged` has a row for each key that is not simply equal; `checked` has the final kinds of those whose content
had to be looked at.
"""

import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from mixpanel_async.errors import OutputError
from mixpanel_async.jobs.reconcile.rows import lake_module

# Sorting and joining use temporary files beyond this.
MEMORY_BYTES: Final = 256 * 1024 * 1024
_FETCHED_ROWS: Final = 1000
_FLAGGED: Final = """
CREATE OR REPLACE TABLE flagged AS
WITH s AS (SELECT k1, k2, count(*) n, min(content) c0, max(content) c1, min(other) o0, max(other) o1
           FROM source GROUP BY k1, k2),
     e AS (SELECT k1, k2, count(*) n, min(content) c0, max(content) c1, min(other) o0, max(other) o1
           FROM export GROUP BY k1, k2)
SELECT * FROM (
    SELECT k1, k2, coalesce(s.n, 0) AS sn, coalesce(e.n, 0) AS en,
        CASE WHEN e.n IS NULL THEN 'missing'
             WHEN s.n IS NULL THEN 'unexpected'
             WHEN s.c0 = s.c1 AND s.o0 = s.o1 AND e.c0 = e.c1 AND e.o0 = e.o1
                  AND (s.c0 = e.c0 OR s.c0 = e.o0 OR s.o0 = e.c0 OR s.o0 = e.o0) THEN 'equal'
             ELSE 'check' END AS kind
    FROM s FULL JOIN e USING (k1, k2))
WHERE kind <> 'equal' OR sn > 1 OR en > 1
"""
# Events with another user or day than in the source: one of each side with the same name and $insert_id.
_PAIRS: Final = """
CREATE OR REPLACE TABLE pairs AS
WITH m AS (SELECT near, any_value(k1) k1, any_value(k2) k2 FROM
           (SELECT DISTINCT near, k1, k2 FROM source SEMI JOIN (FROM flagged WHERE kind = 'missing') USING (k1, k2))
           GROUP BY near HAVING count(*) = 1),
     u AS (SELECT near, any_value(k1) k1, any_value(k2) k2 FROM
           (SELECT DISTINCT near, k1, k2 FROM export SEMI JOIN (FROM flagged WHERE kind = 'unexpected') USING (k1, k2))
           GROUP BY near HAVING count(*) = 1)
SELECT m.k1 AS s1, m.k2 AS s2, u.k1 AS e1, u.k2 AS e2 FROM m JOIN u USING (near)
"""
# A pair has the key of its event of the source.
_CANDIDATES: Final = """
SELECT k1, k2, side, line, place, number FROM (
    SELECT k1, k2, 0 AS side, line, place, number FROM source
        SEMI JOIN (SELECT k1, k2 FROM flagged WHERE kind = 'check' UNION ALL SELECT s1, s2 FROM pairs) USING (k1, k2)
    UNION ALL
    SELECT k1, k2, 1, line, '', number FROM export
        SEMI JOIN (SELECT k1, k2 FROM flagged WHERE kind = 'check') USING (k1, k2)
    UNION ALL
    SELECT s1, s2, 1, line, '', number FROM export JOIN pairs ON (k1 = e1 AND k2 = e2))
ORDER BY k1, k2, side, number
"""
_FINAL: Final = """
CREATE OR REPLACE TABLE final AS
SELECT k1, k2, sn, en, coalesce(c.kind, CASE WHEN e1 IS NULL THEN f.kind ELSE 'paired' END) AS kind
FROM flagged f LEFT JOIN checked c USING (k1, k2) LEFT JOIN pairs p ON (f.k1 = p.e1 AND f.k2 = p.e2)
"""
_COUNTS: Final = """
SELECT (SELECT count(*) FROM source), (SELECT count(*) FROM export),
    count(*) FILTER (kind = 'missing'), count(*) FILTER (kind = 'unexpected'), count(*) FILTER (kind = 'different'),
    coalesce(sum(sn - 1) FILTER (sn > 1), 0), coalesce(sum(en - 1) FILTER (en > 1), 0) FROM final
"""
_DAYS: Final = """
WITH own AS (SELECT k1, k2, kind, any_value(day) AS day, any_value(event) AS event FROM
        (SELECT k1, k2, kind, day, event FROM source JOIN final USING (k1, k2) WHERE kind IN ('missing', 'different')
         UNION ALL
         SELECT k1, k2, kind, day, event FROM export JOIN final USING (k1, k2) WHERE kind = 'unexpected')
        GROUP BY k1, k2, kind),
    parts AS (
        SELECT day, event, count(*) AS s, 0 AS e, 0 AS m, 0 AS u, 0 AS d FROM source GROUP BY day, event
        UNION ALL SELECT day, event, 0, count(*), 0, 0, 0 FROM export GROUP BY day, event
        UNION ALL SELECT day, event, 0, 0, count(*) FILTER (kind = 'missing'), count(*) FILTER (kind = 'unexpected'),
            count(*) FILTER (kind = 'different') FROM own GROUP BY day, event)
SELECT day, event, sum(s)::BIGINT, sum(e)::BIGINT, sum(m)::BIGINT, sum(u)::BIGINT, sum(d)::BIGINT,
    count(*) OVER () FROM parts
GROUP BY day, event ORDER BY sum(m) + sum(u) + sum(d) > 0 DESC, day, event LIMIT ?
"""
_LISTED: Final = """
SELECT any_value(line ORDER BY number), any_value(place ORDER BY number), min(number), sn, en
FROM {side} JOIN final USING (k1, k2)
WHERE {condition} GROUP BY k1, k2, sn, en ORDER BY 2, 3, k1
"""
_DIFFERING_DAYS: Final = """
SELECT DISTINCT day FROM source SEMI JOIN (FROM final WHERE kind IN ('missing', 'different')) USING (k1, k2)
UNION SELECT DISTINCT day FROM export SEMI JOIN (FROM final WHERE kind IN ('unexpected', 'paired')) USING (k1, k2)
"""

Key: TypeAlias = tuple[int, int]


class Copy(msgspec.Struct, frozen=True, gc=False):
    """One copy of an event.

    Attributes:
        key: The key of its dedupe.
        is_export: Whether it is from the export.
        line: The event as JSON.
        place: Name of the source that it is from.
        number: Its line, row or record number.
    """

    key: Key
    is_export: bool
    line: bytes
    place: str
    number: int


class ListedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event to list in a report.

    Attributes:
        line: The event as JSON.
        place: Name of the source that it is from.
        number: Its line, row or record number.
        copies: How often the source and the export have it.
    """

    line: bytes
    place: str
    number: int
    copies: tuple[int, int]


class Comparison:
    """Compares the files of two sides.

    Args:
        directory: Directory of the files, and of DuckDB's temporary files.
        source: The files of the source.
        export: The files of the export.

    Raises:
        MissingExtraError: DuckDB is not installed.
    """

    def __init__(self, directory: pathlib.Path, source: Sequence[pathlib.Path], export: Sequence[pathlib.Path]) -> None:
        self._duckdb = lake_module("duckdb", "reconcile")
        settings = {
            "memory_limit": f"{MEMORY_BYTES}B",
            "temp_directory": str(directory / "spilled"),
            "threads": 2,
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._database = self._duckdb.connect(":memory:", config=settings)
        for name, files in (("source", source), ("export", export)):
            paths = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
            self._run(f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{paths}])")  # noqa: S608 - quoted above

    def interrupt(self) -> None:
        """End the query that runs now; may be called by another thread."""
        self._database.interrupt()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def find(self) -> None:
        """Find the events that one side lacks, and those whose content must be looked at."""
        self._run(_FLAGGED)
        self._run(_PAIRS)
        self._run("CREATE OR REPLACE TABLE checked (k1 UBIGINT, k2 UBIGINT, kind VARCHAR)")

    def candidates(self) -> Iterator[Sequence[Copy]]:
        """Yield the copies of events whose content must be looked at, some at a time; those of a key follow each other.

        Record the result of each with `note`, after the last.
        """
        for rows in self._fetched(_CANDIDATES):
            yield [Copy((k1, k2), side == 1, line, place, number) for k1, k2, side, line, place, number in rows]

    def note(self, keys: Sequence[Key], kind: str) -> None:
        """Record the final kind of some keys that had to be checked: `equal` or `different`."""
        arrow = lake_module("pyarrow", "reconcile")
        columns = {name: arrow.array([key[i] for key in keys], arrow.uint64()) for i, name in enumerate(("k1", "k2"))}
        self._database.register("noted", arrow.table(columns))
        self._run(f"INSERT INTO checked SELECT k1, k2, '{kind}' FROM noted")  # noqa: S608 - one of two words
        self._database.unregister("noted")

    def finish(self) -> None:
        """Join what was found and what was recorded."""
        self._run(_FINAL)

    def counts(self) -> Sequence[int]:
        """Return the numbers of events of both sides, of missing, unexpected and different ones, and of duplicates."""
        return [int(number) for number in self._run(_COUNTS).fetchone()]

    def days(self, limit: int) -> Sequence[tuple[int, str, int, int, int, int, int, int]]:
        """Return the counts by day and name; the last number of each is how many there are."""
        return list(self._run(_DAYS, [limit]).fetchall())

    def differing_days(self) -> Sequence[int]:
        """Return the days on which something differs, as days since 1970."""
        return sorted(day for (day,) in self._run(_DIFFERING_DAYS).fetchall())

    def listed(self, kind: str) -> Iterator[ListedEvent]:
        """Yield the events of a kind: `missing`, `unexpected` or `duplicate`."""
        if kind == "duplicate":
            yield from self._listed("source", "sn > 1 OR (en > 1 AND sn > 0)")
            yield from self._listed("export", "sn = 0 AND en > 1")
        else:
            yield from self._listed("source" if kind == "missing" else "export", f"kind = '{kind}'")

    def _listed(self, side: str, condition: str) -> Iterator[ListedEvent]:
        for rows in self._fetched(_LISTED.format(side=side, condition=condition)):
            for line, place, number, sn, en in rows:
                yield ListedEvent(line, place, number, (sn, en))

    def _fetched(self, query: str) -> Iterator[Sequence[Sequence[Any]]]:
        # A cursor of its own: results are read while other queries run.
        with self._database.cursor() as cursor:
            try:
                cursor.execute(query)
                while rows := cursor.fetchmany(_FETCHED_ROWS):
                    yield rows
            except self._duckdb.Error as error:
                raise _failed(error) from None

    def _run(self, query: str, values: Sequence[object] = ()) -> Any:  # noqa: ANN401 - DuckDB has no types
        try:
            return self._database.execute(query, list(values))
        except self._duckdb.Error as error:
            raise _failed(error) from None


def _failed(error: Exception) -> OutputError:
    return OutputError(f"cannot compare the events: {str(error).splitlines()[0]}")
