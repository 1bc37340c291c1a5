"""Tells the profiles of a page that can be read from those that cannot, such as one with NaN.

A page is decoded as a whole. Only if that fails, it is cut into its profiles, and each one is judged for itself. A page
that cannot be cut, because it ends early or because quotes and brackets do not match, is no page. Does no I/O.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec

from mixpanel_async.actions._core.responses import ApiList, keep_body
from mixpanel_async.actions.query.pagination import Profile, ProfileCursor, ProfilePage
from mixpanel_async.actions.query.profiles import ProfileReports, page_of
from mixpanel_async.codecs.json_cut import cut_json
from mixpanel_async.errors import UnexpectedReplyError, UnreadableProfileError
from mixpanel_async.jobs.exports.line_check import UNREADABLE, decode_exactly, shown_line, syntax_problem
from mixpanel_async.jobs.exports.reader import report_bad_lines
from mixpanel_async.session import Reply, Request
from mixpanel_async.time_slice import run_in_turns

_RESULTS: Final = b"results"
_ID: Final = b"$distinct_id"
_PROPERTIES: Final = b"$properties"
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\r\n]+', re.DOTALL)


class BadProfile(msgspec.Struct, frozen=True, gc=False):
    """A profile of an export that cannot be read.

    Attributes:
        page: Number of the page, from 0.
        position: Position on the page, from 1.
        distinct_id: Its `$distinct_id`; None if that cannot be read.
        line: The profile as Mixpanel sent it, with its line ends.
        reason: What is wrong with it.
    """

    page: int
    position: int
    distinct_id: str | None
    line: bytes
    reason: str


OnBadProfile: TypeAlias = Literal["raise", "keep"] | Callable[[BadProfile], None]


class UnreadableProfile(Profile, frozen=True):
    """The place of a profile that cannot be read, in a sequence of profiles; `body` is what came.

    Attributes:
        readable_id: Its `$distinct_id`; None if that cannot be read.
        reason: What is wrong with it.
    """

    readable_id: str | None = None
    reason: str = ""

    def at(self, cursor: ProfileCursor) -> BadProfile:
        """Return the profile for reports.

        Args:
            cursor: The place after it.
        """
        return BadProfile(cursor.page, cursor.offset, self.readable_id, self.body, self.reason)


class TolerantProfileReports(ProfileReports):
    """Reads profiles of the Query API; one that cannot be read is an `UnreadableProfile`."""

    def _page_of(self, request: Request, reply: Reply) -> ProfilePage:
        try:
            return page_of(request, reply)
        except UnexpectedReplyError:
            cut = _cut_page(reply.body)
            if cut is None:
                raise
        head, parts = cut
        page = page_of(request, msgspec.structs.replace(reply, body=head))
        results = ApiList(map(_read_profile, parts), reply.body)
        return keep_body(msgspec.structs.replace(page, results=results), reply.body)


class _Profile(msgspec.Struct, frozen=True):
    distinct_id: str | int = msgspec.field(name="$distinct_id")
    properties: msgspec.Raw = msgspec.field(name="$properties", default=msgspec.Raw(b"{}"))


_decode: Final = msgspec.json.Decoder(_Profile, strict=False).decode


def report_bad_profiles(bad: Sequence[BadProfile], on_bad_line: OnBadProfile) -> None:
    """Do with profiles that cannot be read what the caller wants, except keeping them.

    Raises:
        UnreadableProfileError: There is one, and `on_bad_line` is `"raise"`.
    """
    if bad and on_bad_line == "raise":
        first = bad[0]
        name = "" if first.distinct_id is None else f" ($distinct_id {first.distinct_id!r})"
        raise UnreadableProfileError(
            f"profile {first.position:,} of page {first.page:,}{name} cannot be read: {first.reason}: "
            f"{shown_line(first.line)}; to export the others, set on_bad_line (--bad-lines FILE)",
            profile=first.line,
            page=first.page,
            position=first.position,
            distinct_id=first.distinct_id,
        )
    report_bad_lines(bad, on_bad_line)


def line_as_it_came(body: bytes) -> bytes:
    """Return a profile that cannot be read as one line: raw line ends inside strings are escaped, others removed."""
    return _STRING.sub(_without_line_ends, body) + b"\n"


def _without_line_ends(match: re.Match[bytes]) -> bytes:
    text = match[0]
    return text.replace(b"\r", b"\\r").replace(b"\n", b"\\n") if text.startswith(b'"') else b""


def _cut_page(body: bytes) -> tuple[bytes, Sequence[bytes]] | None:
    """Return a page without its profiles, and the profiles; None if it cannot be cut."""
    try:
        members = dict(run_in_turns(cut_json(body)))
        if not members.get(_RESULTS, b"").startswith(b"["):
            return None
        parts = [part for _, part in run_in_turns(cut_json(members[_RESULTS]))]
    except msgspec.DecodeError:
        return None
    members[_RESULTS] = b"[]"
    return b"{%s}" % b",".join(b'"%s":%s' % member for member in members.items()), parts


def _read_profile(body: bytes) -> Profile:
    problem = None
    try:
        found = _decode(body)
        properties = decode_exactly(bytes(found.properties))
        if isinstance(properties, dict):
            return keep_body(Profile(found.distinct_id, properties), body)
    except RecursionError:
        problem = "it is nested too deeply"
    except UNREADABLE:
        pass
    try:
        members = dict(run_in_turns(cut_json(body))) if body.startswith(b"{") else None
    except msgspec.DecodeError:
        members = {}
    reason = problem or _wrong_member(members) or syntax_problem(body) or "it is not a profile"
    readable_id = _readable_id(members.get(_ID, b"")) if members else None
    return keep_body(UnreadableProfile("", readable_id=readable_id, reason=reason), body)


def _wrong_member(members: Mapping[bytes, bytes] | None) -> str | None:
    """Return which member of a profile is missing or of another type; None if all are right, or are not JSON."""
    if members is None:
        return "it is not an object"
    if not members:
        return None
    if _ID not in members:
        return "it has no $distinct_id"
    if _kind(members[_ID]) not in {str, int, None}:
        return f"its $distinct_id is not text: {shown_line(members[_ID])}"
    if _kind(members.get(_PROPERTIES, b"{}")) not in {dict, None}:
        return f"its $properties are not an object: {shown_line(members[_PROPERTIES])}"
    return None


def _kind(text: bytes) -> type | None:
    """Return the type of a JSON value; None if it cannot be decoded."""
    try:
        return type(decode_exactly(text))
    except UNREADABLE:
        return None


def _readable_id(text: bytes) -> str | None:
    try:
        value = decode_exactly(text)
    except UNREADABLE:
        return None
    if isinstance(value, str):
        return value
    return text.decode() if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None
