"""Whether an export's lines are whole. Pure."""

import msgspec

from mixpanel_async.errors import TruncatedReply

_MAX_SHOWN = 80


class LineCheck:
    """Cuts an export into blocks of whole lines, each of them one JSON object.

    An export that Mixpanel gives up ends inside a proper reply: in mid-line, or with a line that says so in words.
    """

    def __init__(self) -> None:
        self._rest = b""
        # `Raw` is checked and not made into anything.
        self._decode = msgspec.json.Decoder(msgspec.Raw).decode_lines

    def take(self, data: bytes) -> bytes:
        """Return the whole lines that are there now, once they are known to be JSON.

        Raises:
            TruncatedReply: A line is none.
        """
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        block, self._rest = data[:end], data[end:]
        if block:
            self._check(block)
        return block

    def end(self) -> None:
        """Say that no more comes.

        Raises:
            TruncatedReply: The last line has no end.
        """
        if self._rest:
            raise TruncatedReply(f"the export ends in mid-line: {_shown(self._rest)}")

    def _check(self, block: bytes) -> None:
        lines = block.count(b"\n")
        # An object a line: then the cheap count of their ends is the count of lines.
        is_plausible = block.startswith(b"{") and block.count(b"}\n") == lines and block.count(b"\n{") == lines - 1
        try:
            if is_plausible and len(self._decode(block)) == lines:
                return
        except (msgspec.MsgspecError, UnicodeDecodeError):
            pass
        for line in block.splitlines():
            _check_line(line)


def _check_line(line: bytes) -> None:
    try:
        value = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        value = None
    if not isinstance(value, dict):
        raise TruncatedReply(f"the export was ended early; a line of it is no event: {_shown(line)}")


def _shown(line: bytes) -> str:
    return repr(line[:_MAX_SHOWN].decode("utf-8", errors="replace"))
