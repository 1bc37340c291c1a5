"""Writes the rows of a query to a file, which appears when it is complete."""

import pathlib
from collections.abc import Iterator
from typing import Any, Final

from mixpanel_async.cli.render.encoders import TextForm, row_encoder
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.jobs.atomic_write import AtomicFile
from mixpanel_async.jobs.exports.outputs.parquet_output import GrowingStream
from mixpanel_async.jobs.lake.query import LakeResult
from mixpanel_async.jobs.sources.arrow.rows import arrow_module

_FORMS: Final[dict[str, TextForm]] = {".csv": "csv", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson"}
_PARQUET: Final = ".parquet"
_BATCH_ROWS: Final = 10_000


def write_result(result: LakeResult, path: str, *, overwrite: bool) -> None:
    """Write the rows of a query to a file.

    Args:
        result: The rows.
        path: Path of the file; its suffix says the format.
        overwrite: Whether the file may exist.

    Raises:
        InvalidArgumentError: The suffix is unknown, or the query fails at a row.
        OutputError: The file exists already, or cannot be written.
    """
    suffix = pathlib.PurePath(path).suffix.lower()
    if suffix not in {*_FORMS, _PARQUET}:
        raise InvalidArgumentError(
            f"--output is invalid: {path} has an unknown suffix; end it in .csv, .json, .ndjson or .parquet"
        )
    file = AtomicFile(pathlib.Path(path), overwrite=overwrite)
    try:
        if suffix == _PARQUET:
            _write_parquet(result, file)
        else:
            for block in _text(result, _FORMS[suffix]):
                file.write(block)
        file.commit()
    except BaseException:
        file.discard()
        raise


def _text(result: LakeResult, form: TextForm) -> Iterator[bytes]:
    encoder = row_encoder(form, result.columns)
    yield encoder.begin()
    yield from map(encoder.row, result.rows())
    yield encoder.end()


def _write_parquet(result: LakeResult, file: AtomicFile) -> None:
    parquet = arrow_module("pyarrow.parquet", "writing Parquet")
    reader = result.batches(_BATCH_ROWS)
    stream = GrowingStream(file)
    try:
        writer = parquet.ParquetWriter(stream, reader.schema, compression="zstd")
    except NotImplementedError as error:
        stream.is_abandoned = True
        raise InvalidArgumentError(
            f"--output is invalid: Parquet cannot hold a column of the query: {error}; cast it, for example to VARCHAR"
        ) from None
    try:
        for batch in _batches(reader):
            writer.write_batch(batch)
    except BaseException:
        stream.is_abandoned = True
        raise
    finally:
        writer.close()


def _batches(reader: Any) -> Iterator[Any]:  # noqa: ANN401 - pyarrow has no types
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except (OSError, ValueError) as error:  # what pyarrow makes of an error of DuckDB
            raise InvalidArgumentError(f"the query fails: {' '.join(str(error).split())}") from None
        yield batch
