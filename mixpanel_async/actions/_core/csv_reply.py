"""Replies that are CSV."""

import csv
import io

from mixpanel_async.actions._core.reply_checks import beginning_of, check_reply
from mixpanel_async.errors import TruncatedReplyError, UnexpectedReplyError
from mixpanel_async.session import Reply, Request


def read_csv(request: Request, reply: Reply) -> str:
    """Return a reply that is CSV, as text. Its values are not checked, only that each row has all its cells.

    Raises:
        BadRequestError: The status is a success, but the body is an error.
        UnexpectedReplyError: The body is something else, or a row has another number of cells than the header.
        TruncatedReplyError: The reply has neither a length nor chunks; a table that was cut after a row looks whole.
    """
    check_reply(request, reply)
    text = reply.body.decode("utf-8", errors="replace")
    problem = csv_problem(text)
    if problem is not None:
        raise UnexpectedReplyError(
            f"{problem}; it begins {beginning_of(reply.body)}", status=reply.status, operation=request.operation
        )
    if not reply.is_framed:
        raise TruncatedReplyError("the reply is CSV and has neither a length nor chunks, so its end is unknown")
    return text


def csv_problem(text: str) -> str | None:
    """Return why a text is not a table as CSV; None if it is one."""
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith(("{", "[")):
        return "the reply is JSON, not CSV"
    if start.startswith("<"):
        return "the reply is not CSV"
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    width = 0
    try:
        for row in rows:
            if row and width and len(row) != width:
                return f"line {rows.line_num} of the reply has {len(row)} cells, and the header has {width}"
            width = width or len(row)
    except csv.Error as error:
        return f"the reply is not CSV: {error} (line {rows.line_num})"
    # A list is a column with a header; a single word without a line end is neither.
    is_word = width == 1 and len(text.splitlines()) == 1 and not text.endswith("\n")
    return "the reply is a word, not CSV" if is_word else None
