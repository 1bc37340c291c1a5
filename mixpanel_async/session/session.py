"""The only path to the network: adds the URL, credentials and rate limiting; sends; retries."""

import logging
import math
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec

from mixpanel_async.auth import Credential, ProjectToken
from mixpanel_async.clock import Clock
from mixpanel_async.config import MIXPANEL_SERVERS, Server, Settings
from mixpanel_async.errors import (
    ApiError,
    InvalidArgumentError,
    InvalidSettingError,
    MissingCredentialsError,
    MixpanelError,
    RateLimitedError,
    TransportError,
)
from mixpanel_async.redaction import redact
from mixpanel_async.session import errors
from mixpanel_async.session.governor import Governor
from mixpanel_async.session.loop_owner import LoopOwner
from mixpanel_async.session.messages import Reply, Request, RetryRule, StreamReply, Transport, WireRequest
from mixpanel_async.session.retry import DelayAfter, Retrying, RetryQuota, backoff_seconds, retry_delay
from mixpanel_async.telemetry import NO_SPAN, AttemptSpan, ClientTelemetry, Origins, WireAttempt

_log = logging.getLogger("mixpanel_async")
_BAD_REQUEST: Final = 400


class WireCounts(msgspec.Struct):
    """What went over the wire since the session was made."""

    requests: int = 0
    retries: int = 0
    sent_bytes: int = 0
    rate_limited: int = 0


class Session:
    """Sends requests for one project.

    Args:
        transport: Carries them.
        servers: Address of each of Mixpanel's servers.
        settings: Time-outs, rates, quota.
        clock: Time, sleep and chance.
        credentials: Sent with calls that need some.
        token: Project token; redacted from errors and logs, and sent by calls that take one as a parameter.
        project_id: Added to calls that need one.
        workspace_id: Added to calls that take one.
        telemetry: Follows each request; None: nothing does.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        servers: Mapping[Server, str],
        settings: Settings,
        clock: Clock,
        credentials: Credential | None = None,
        token: str | None = None,
        project_id: int | None = None,
        workspace_id: int | None = None,
        telemetry: ClientTelemetry | None = None,
    ) -> None:
        self._transport = transport
        self.telemetry = telemetry
        self._servers = servers
        self._hosts = {_origin(address) for address in servers.values()}
        self._settings = settings
        self._clock = clock
        self._credentials = credentials
        self.token = token
        self.project_id = project_id
        self.workspace_id = workspace_id
        self.owner = LoopOwner()
        self.governor = Governor(settings.rates, clock)
        self.quota = RetryQuota(settings.retry_quota)
        self.counts = WireCounts()
        self._shown_urls: dict[str, str] = {}

    def needs_project(self, credential: Credential | None) -> bool:
        """Return whether a call with a credential, or with the client's, has to say which project it is about."""
        return self.project_id is None and not self.names_project(credential)

    def names_project(self, credential: Credential | None) -> bool:
        """Return whether a credential, or the client's, belongs to one project."""
        used = credential or self._credentials
        return used is not None and used.names_project

    def address(self, server: Server) -> str:
        """Return the address of one of Mixpanel's servers."""
        return self._servers[server]

    async def send(self, request: Request) -> Reply:
        """Send a request, repeat it where that is safe, and return the good reply.

        Raises:
            ApiError: Mixpanel answered with an error.
            TransportError: No complete reply arrived.
            MissingCredentialsError: The call needs a credential or project id that the client has not.
            RateLimitedError: The call's turn would come later than the settings let it wait.
        """
        async for attempt in self._attempts(request):
            with attempt:
                return await self._send_once(request, resends=attempt.number - 1)
        raise AssertionError("the last attempt returns or raises")

    async def attempt(
        self,
        request: Request,
        *,
        resends: int,
        on_sent: Callable[[], None] | None = None,
        origins: Origins | None = None,
    ) -> Reply:
        """Send a request once and return the reply, whatever its status; the caller holds the permit.

        Args:
            request: The request.
            resends: How often it was sent before.
            on_sent: Called when the first bytes of the request may have left this machine.
            origins: Where the records of a batch were made.

        Raises:
            TransportError: No complete reply arrived.
            WrongLoopError: The client belongs to another event loop, thread or process.
        """
        self.owner.check()
        wire = self._wire(request, on_sent)
        if on_sent is not None and not getattr(self._transport, "reports_sent", False):
            on_sent()  # a transport that does not tell may have sent it at any time from here
        self.counts.requests += 1
        self.counts.retries += resends > 0
        self.counts.sent_bytes += len(request.body or b"")
        started = self._clock.monotonic()
        with self._span(request, wire, resends, origins) as span, span.current():
            reply = await self._transport.send(wire)
            span.note_status(reply.status)
        self._note(request, reply.status, started)
        return reply

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[StreamReply]:
        """Send a request and give its good reply as a stream; tries to open it again as `send` does, never later.

        Raises:
            ApiError: Mixpanel answered with an error.
            TransportError: The reply did not begin, or broke while it was read.
        """
        async with AsyncExitStack() as stack:
            async for attempt in self._attempts(request):
                with attempt:
                    async with AsyncExitStack() as opening:
                        await opening.enter_async_context(self._permit(request))
                        reply = await self._open(request, opening, resends=attempt.number - 1)
                        # Held beyond the attempt: the caller's own errors, in mid-stream, are not retried.
                        await stack.enter_async_context(opening.pop_all())
            stack.push_async_callback(self._transport.close_stream, reply)
            yield reply

    def retrying(self, operation: str, delay_after: DelayAfter) -> Retrying:
        """Return a retry loop that pays each retry from the client's quota.

        Args:
            operation: The call, for the log.
            delay_after: Returns the seconds to wait after an error, or None to give up.
        """

        def within_quota(error: MixpanelError, attempt: int) -> float | None:
            delay = delay_after(error, attempt)
            return delay if delay is not None and self.quota.take(self._clock.monotonic()) else None

        return Retrying(operation, self._clock, within_quota)

    def _attempts(self, request: Request) -> Retrying:
        rule = request.retry or RetryRule(max_retries=None)
        if rule.max_retries is None:
            rule = msgspec.structs.replace(rule, max_retries=self._settings.max_call_retries)
        return self.retrying(request.operation, lambda error, attempt: self._delay_after(error, request, rule, attempt))

    def error_of(self, reply: Reply, operation: str, credential: Credential | None = None) -> ApiError | None:
        """Return the error that a reply is, or None if it is good; the call's own credential is kept out of it too."""
        own = credential.secrets() if credential else ()
        return errors.read_error(
            reply.status,
            reply.headers,
            reply.body,
            operation=operation,
            now=self._clock.time(),
            max_retry_after=self._settings.max_retry_after_seconds,
            secrets=(*self.secrets(), *own),
        )

    def secrets(self) -> Iterable[str]:
        """Return every string that must not be shown."""
        own = self._credentials.secrets() if self._credentials else ()
        return (*own, *ProjectToken(self.token).secrets()) if self.token else own

    async def aclose(self) -> None:
        """Close all connections."""
        if self.telemetry is not None:
            self.telemetry.close()
        await self._transport.aclose()

    def _permit(self, request: Request) -> AbstractAsyncContextManager[None]:
        size = request.body_bytes if request.body_bytes is not None else len(request.body or b"")
        return self.governor.permit(
            request.family,
            operation=request.operation,
            records=request.records,
            body_bytes=size,
            max_wait=self._max_wait(request),
            is_bulk=request.is_bulk,
            on_wait=request.on_wait,
        )

    def _max_wait(self, request: Request) -> float | None:
        own = self._settings.rates.max_wait_seconds if request.max_wait_seconds is None else request.max_wait_seconds
        return None if own == math.inf else own

    async def _send_once(self, request: Request, *, resends: int) -> Reply:
        async with self._permit(request):
            reply = await self.attempt(request, resends=resends)
        error = self.error_of(reply, request.operation, request.credential)
        is_wanted = (request.is_rejection_wanted and reply.status == _BAD_REQUEST) or (
            request.is_redirect_wanted and error is not None and errors.is_redirect(error, reply.headers)
        )
        if error is not None and not is_wanted:
            raise error
        self.quota.reward()
        return reply

    async def _open(self, request: Request, opening: AsyncExitStack, *, resends: int) -> StreamReply:
        """Open a stream; its span is part of `opening`, which ends with the stream."""
        self.owner.check()
        wire = self._wire(request)
        self.counts.requests += 1
        self.counts.retries += resends > 0
        started = self._clock.monotonic()
        span = opening.enter_context(self._span(request, wire, resends))
        with span.current():
            stream = await self._transport.open_stream(wire)
        span.note_status(stream.status)
        self._note(request, stream.status, started)
        if errors.error_class(stream.status) is None:
            return stream
        try:
            reply = Reply(stream.status, stream.headers, await stream.read_error())
        finally:
            await self._transport.close_stream(stream)
        error = self.error_of(reply, request.operation, request.credential)
        if error is None:
            raise AssertionError("the status table says error and no error for one status")
        raise error

    def _span(self, request: Request, wire: WireRequest, resends: int, origins: Origins | None = None) -> AttemptSpan:
        if self.telemetry is None:
            return NO_SPAN
        return self.telemetry.begin(
            WireAttempt(
                operation=request.operation.partition(" ")[0],
                method=wire.method,
                url=self._shown(request, wire.url),
                template=request.template,
                resends=resends,
                records=request.records,
                body_bytes=len(request.body or b""),
                origins=origins,
            )
        )

    def _shown(self, request: Request, url: str) -> str:
        """Return a URL without user, password, query, fragment and whatever else is secret."""
        found = self._shown_urls.get(request.path) if request.template is not None else None
        if found is None:
            parts = urlsplit(url)
            own = request.credential.secrets() if request.credential else ()
            found = self.redacted(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", own)
            if request.template is not None:  # there are not many of these
                self._shown_urls[request.path] = found
        return found

    def _delay_after(self, error: MixpanelError, request: Request, rule: RetryRule, attempt: int) -> float | None:
        """Return the seconds to the next attempt, or None to give up; a 429 pauses its whole family."""
        if not isinstance(error, ApiError | TransportError):
            return None
        delay = retry_delay(error, request, rule, attempt, self._clock.uniform)
        if isinstance(error, RateLimitedError):
            if error.is_own:
                return None
            pause = error.retry_after or backoff_seconds(attempt, self._clock.uniform)
            self.governor.pause(request.family, pause)
        retry_after = error.retry_after if isinstance(error, ApiError) else None
        max_wait = self._max_wait(request)
        if max_wait is not None and (retry_after or 0.0) > max_wait:
            return None  # the error says how long; the caller decides whether to wait
        return delay

    def _note(self, request: Request, status: int, started: float) -> None:
        error = errors.error_class(status)
        if error is RateLimitedError:
            self.counts.rate_limited += 1
        seconds = self._clock.monotonic() - started
        _log.debug("%s %s: HTTP %d in %.3f s", request.method, request.operation, status, seconds)

    def _wire(self, request: Request, on_sent: Callable[[], None] | None = None) -> WireRequest:
        credential = request.credential or (self._credentials if request.is_authorized else None)
        url = self._url(request, credential)
        headers = dict(request.headers)
        given = {name.lower() for name in headers}  # header names have no case: the caller's win however spelled
        if request.content_type:
            headers["Content-Type"] = request.content_type
        if "accept-encoding" not in given:
            headers["Accept-Encoding"] = "gzip"
        if "authorization" not in given:
            headers |= self._authorization(request, credential, url)
        settings = self._settings
        default = settings.query_timeout_seconds if request.family == "query" else settings.total_timeout_seconds
        return WireRequest(
            method=request.method.upper(),
            url=url,
            headers=headers,
            body=request.body,
            timeout_seconds=request.timeout_seconds or (default if request.idle_timeout_seconds is None else None),
            idle_timeout_seconds=request.idle_timeout_seconds,
            max_reply_bytes=request.max_reply_bytes,
            on_sent=on_sent,
        )

    def _authorization(self, request: Request, credential: Credential | None, url: str) -> Mapping[str, str]:
        """Return the header with the credential, if the call and its server take one.

        Raises:
            MissingCredentialsError: There is no credential.
            InvalidArgumentError: A credential was given for this call, or is needed, and must not go to that server.
        """
        origin = _origin(url)
        if origin in self._hosts or origin in _MIXPANEL_ORIGINS:
            if "@" in urlsplit(url).netloc:
                raise InvalidArgumentError("the URL is invalid: it has a user or a password; give credentials as auth")
            if credential is not None:
                return {"Authorization": credential.authorization()}
            if not request.is_authorized:
                return {}
            own = ", or the call credential=ProjectToken(...)" if request.takes_token else ""
            raise MissingCredentialsError(
                f"{request.operation} needs credentials: give the client a ServiceAccount, ProjectSecret or OAuthToken"
                f"{own}"
            )
        host = origin[1]
        if request.credential is not None:
            raise InvalidArgumentError(
                f"auth is invalid: {host} gets no credentials, only Mixpanel's servers (over https) and the client's "
                "base URL do; omit auth, or set the header Authorization"
            )
        if request.is_authorized and host.rstrip(".") in _MIXPANEL_HOSTS:
            raise InvalidArgumentError(
                f"the URL is invalid: {host} gets credentials over https at its standard port only; change the URL, "
                "or send none with auth=False"
            )
        return {}

    def _url(self, request: Request, credential: Credential | None) -> str:
        base = self._base(request)
        query = list(request.query)
        names = {name for name, _ in (*query, *parse_qsl(urlsplit(base).query, keep_blank_values=True))}
        if request.has_project and "project_id" not in names:
            if self.project_id is not None:
                query.append(("project_id", str(self.project_id)))
            elif self.needs_project(credential):
                own = ", or the call credential=ProjectToken(...)" if request.takes_token else ""
                raise MissingCredentialsError(
                    f"{request.operation} needs a project_id: give one to the client or the call{own}"
                )
        if request.has_workspace and "workspace_id" not in names and self.workspace_id is not None:
            query.append(("workspace_id", str(self.workspace_id)))
        if not query:
            return base
        return f"{base}{'&' if '?' in base else '?'}{urlencode(query, quote_via=quote)}"

    def _base(self, request: Request) -> str:
        if request.path.startswith(("http://", "https://")):
            return request.path
        if not request.path.startswith("/"):
            raise InvalidSettingError(f"{request.operation}: the path must begin with / or be a whole URL")
        return self._servers[request.server] + request.path

    @property
    def has_credentials(self) -> bool:
        """Whether the client has a credential of its own, not counting the token."""
        return self._credentials is not None

    def is_own(self, path_or_url: str) -> bool:
        """Return whether something is a path, or a URL of a server that gets the client's credentials."""
        origin = _origin(path_or_url)
        return path_or_url.startswith("/") or origin in self._hosts or origin in _MIXPANEL_ORIGINS

    def redacted(self, text: str, more: Iterable[str] = ()) -> str:
        """Return `text` without any secret of this client, and without `more`."""
        return redact(text, (*self.secrets(), *more))

    def __repr__(self) -> str:
        return f"credentials={self._credentials!r}, project_id={self.project_id}, {self._servers['ingestion']}"


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


_PORTS: Final = {"http": 80, "https": 443}
_MIXPANEL_ORIGINS: Final = frozenset(map(_origin, MIXPANEL_SERVERS))
_MIXPANEL_HOSTS: Final = frozenset(host for _, host, _ in _MIXPANEL_ORIGINS)
