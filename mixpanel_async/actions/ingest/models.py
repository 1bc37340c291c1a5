"""Replies of the ingestion endpoints."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from mixpanel_async.actions._core.reply_checks import beginning_of, check_status, odd_body
from mixpanel_async.actions._core.responses import ApiObject, keep_body
from mixpanel_async.errors import UnexpectedReplyError
from mixpanel_async.models import FailedRecord, IngestionReply
from mixpanel_async.session import Reply, Request

_FIRST_REDIRECT: Final = 300
_IMAGES: Final = (b"GIF8", b"\x89PNG", b"\xff\xd8\xff")
_FIRST_ERROR: Final = 400


class IngestReply(ApiObject, frozen=True):
    """Mixpanel's answer to one request with records.

    Attributes:
        http_status: HTTP status; 3xx for a redirect that was asked for.
        status: Mixpanel's status: 1 or 0, or from /import a text such as `"OK"`.
        error: Mixpanel's error, if there is one.
        code: HTTP status as /import repeats it.
        num_records_imported: Number of records that /import took.
        failed_records: The records that were refused, with field and message.
        location: URL of the redirect that was asked for.
        image: The image that was asked for.
        text: The body, unless it is an image.
        replaced_tokens: Number of records whose own project token was replaced; see `Settings.foreign_token`.

    Example:
        ```python
        reply = await mp.ingest.track([{"event": "Signed Up", "properties": {"distinct_id": "user-1"}}])
        print(reply.is_success, reply.error)
        ```
    """

    http_status: int = 0
    status: int | str | None = None
    error: str | None = None
    code: int | None = None
    num_records_imported: int | None = None
    failed_records: Sequence[FailedRecord] = ()
    location: str | None = None
    image: bytes | None = None
    text: str = ""
    replaced_tokens: int = 0

    @property
    def is_success(self) -> bool:
        """Whether Mixpanel reports no error."""
        return self.http_status < _FIRST_ERROR and not self.error and self.status != 0 and not self.failed_records


def read_ingest_reply(
    request: Request, reply: Reply, *, is_image: bool, callback: str | None, replaced: int
) -> IngestReply:
    """Return a reply in the requested form: fields, an image, a redirect or a call of a function.

    Raises:
        UnexpectedReplyError: The reply has none of these forms.
    """
    if _FIRST_REDIRECT <= reply.status < _FIRST_ERROR:
        location = reply.headers.get("location")
        return IngestReply(http_status=reply.status, location=location, replaced_tokens=replaced)
    if is_image and (
        reply.body.startswith(_IMAGES) or (reply.body and reply.headers.get("content-type", "").startswith("image/"))
    ):
        return IngestReply(http_status=reply.status, image=reply.body, replaced_tokens=replaced)
    if reply.status < _FIRST_ERROR:
        check_status(request, reply.status)
    text = reply.body.decode("utf-8", errors="replace")
    fields = _read_fields(_without_callback(text.strip(), callback))
    if fields is None:
        raise UnexpectedReplyError(
            odd_body(reply.body) or f"the reply has an unexpected form; it begins {beginning_of(reply.body)}",
            status=reply.status,
            operation=request.operation,
        )
    own = {name: getattr(fields, name) for name in IngestionReply.__struct_fields__}
    answer = IngestReply(http_status=reply.status, text=text, replaced_tokens=replaced, **own)
    return keep_body(answer, reply.body)


def _without_callback(text: str, callback: str | None) -> str:
    if callback is not None and text.startswith(f"{callback}("):
        return text.removeprefix(f"{callback}(").rstrip(";\n ").removesuffix(")")
    return text


def _read_fields(text: str) -> IngestionReply | None:
    if text in {"1", "0"}:
        return IngestionReply(status=int(text))
    try:
        fields: Mapping[str, object] = msgspec.json.decode(text, type=dict[str, object])
        known = IngestionReply.__struct_fields__
        return msgspec.convert(fields, IngestionReply) if any(name in fields for name in known) else None
    except (msgspec.MsgspecError, RecursionError):
        return None
