"""The format and compression of an output, chosen by its name or by the caller."""

import pathlib
from typing import Final, Literal, TypeAlias, cast, get_args

import msgspec

from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.redaction import HIDDEN_QUERY, shown

OutputFormat: TypeAlias = Literal["ndjson", "ndjson.gz", "ndjson.zst", "csv", "csv.gz", "csv.zst", "parquet"]
_FORMATS: Final[tuple[OutputFormat, ...]] = get_args(OutputFormat)
_TEXT_FORMATS: Final = {".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".parquet": "parquet"}
_COMPRESSIONS: Final = (".gz", ".zst")
_SUFFIXES: Final = "end it in .ndjson, .jsonl or .csv, also with .gz or .zst after it, or in .parquet"


class OutputKind(msgspec.Struct, frozen=True):
    """What is written into a file.

    Attributes:
        format: ndjson, csv or parquet.
        compression: gz, zst or "".
    """

    format: Literal["ndjson", "csv", "parquet"]
    compression: Literal["", "gz", "zst"] = ""

    @property
    def name(self) -> OutputFormat:
        """The kind as the caller names it; also the suffix of the files of a directory, without the first point."""
        name = f"{self.format}.{self.compression}" if self.compression else self.format
        return cast("OutputFormat", name)


def kind_of_file(path: str, declared: str | None) -> OutputKind:
    """Return the kind of a file.

    Args:
        path: Path or URL of the file.
        declared: The format that the caller named, which overrides the suffix, or None.

    Raises:
        InvalidArgumentError: The format is not known, or the suffix says none.
    """
    name = pathlib.PurePath(shown(path).removesuffix(HIDDEN_QUERY)).name
    suffixes = [suffix.lower() for suffix in pathlib.PurePath(name).suffixes]
    compression = suffixes.pop() if suffixes and suffixes[-1] in _COMPRESSIONS else ""
    if declared is not None:
        kind = kind_of(declared)
        # The name says how it is compressed where the format does not.
        is_open = not kind.compression and kind.format != "parquet"
        return _kind(kind.format, compression) if compression and is_open else kind
    if not suffixes or suffixes[-1] not in _TEXT_FORMATS:
        raise InvalidArgumentError(
            f"path is invalid: the name {name!r} does not say which format to write; {_SUFFIXES}; or set format; a "
            "directory ends in a slash"
        )
    found = _TEXT_FORMATS[suffixes[-1]]
    if found == "parquet" and compression:
        raise InvalidArgumentError(
            f"path is invalid: Parquet compresses inside the file; omit {compression} from {name}"
        )
    return _kind(found, compression)


def kind_of(declared: str) -> OutputKind:
    """Return the kind that a caller named.

    Raises:
        InvalidArgumentError: It is not known.
    """
    if declared not in _FORMATS:
        raise InvalidArgumentError(f"format is invalid: {declared!r} is unknown; choose one of {', '.join(_FORMATS)}")
    found, _, compression = declared.partition(".")
    return _kind(found, compression)


def _kind(name: str, compression: str) -> OutputKind:
    return msgspec.convert({"format": name, "compression": compression.lstrip(".")}, OutputKind)
