"""aiohttp adapter: the only client-side module that imports aiohttp."""

import asyncio
import io
import platform
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp import hdrs

from mixpanel_async._version import __version__
from mixpanel_async.auth import basic_authorization
from mixpanel_async.codecs.gzip import BROKEN, COMPRESSED_ENCODINGS, Decompressor
from mixpanel_async.config import Settings
from mixpanel_async.errors import (
    ClientClosedError,
    ConnectFailedError,
    ConnectionLostError,
    InvalidSettingError,
    MixpanelError,
    RequestTimeoutError,
    TruncatedReplyError,
)
from mixpanel_async.session.errors import error_class
from mixpanel_async.session.messages import Reply, StreamReply, WireRequest, is_framed
from mixpanel_async.time_slice import TimeSlice

if TYPE_CHECKING:
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

MAX_ERROR_BYTES: Final = 64 * 1024
_MAX_PLAIN_BODY_BYTES: Final = 2**20
_MAX_BLOCK_BYTES: Final = 256 * 1024  # decompressing it takes a fraction of a millisecond


class _Progress(SimpleNamespace):
    """How far a request got; aiohttp hands it to the traces below."""

    is_sent: bool = False
    is_reused: bool = False
    is_answered: bool = False
    on_sent: Callable[[], None] | None = None


async def _note_sent(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    progress: _Progress = context.trace_request_ctx
    progress.is_sent = True
    if progress.on_sent is not None:
        progress.on_sent()


async def _note_reused(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.is_reused = True


class _Connector(aiohttp.TCPConnector):
    """A pool that never hands out a connection on which bytes arrived while it was idle.

    They would be read as the reply to the next request, which then counts as delivered though nobody read it.
    """

    async def connect(
        self, req: "aiohttp.ClientRequest", traces: "list[Trace]", timeout: aiohttp.ClientTimeout
    ) -> "Connection":
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None or not protocol.should_close:
                return connection
            connection.close()


def user_agent(settings: Settings) -> str:
    """Return the User-Agent header: the user's own words first, then ours."""
    own = f"mixpanel_async/{__version__} (aiohttp/{aiohttp.__version__}; Python/{platform.python_version()})"
    return f"{settings.user_agent} {own}" if settings.user_agent else own


class AiohttpTransport:
    """A pool of connections, opened on first use, in the loop that uses it first.

    Args:
        settings: Time-outs, proxy, TLS, size of the pool.
    """

    reports_sent = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._proxy, self._proxy_headers = _proxy(settings.proxy)
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    def _open(self) -> aiohttp.ClientSession:
        if self._is_closed:
            raise ClientClosedError("the client is closed; make another one for this call")
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_request_headers_sent.append(_note_sent)
            trace.on_connection_reuseconn.append(_note_reused)
            self._session = aiohttp.ClientSession(
                connector=_Connector(limit=self._settings.max_connections, ttl_dns_cache=300),
                auto_decompress=False,  # bodies are decompressed here, within a bound
                trust_env=False,  # a proxy is a setting; variables of the environment do not choose one
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={hdrs.USER_AGENT: user_agent(self._settings)},
                trace_configs=[trace],
            )
            # aiohttp repeats a GET by itself when a kept-alive connection breaks: a request that no governor counted.
            # There is no public switch (3.14); a test holds that this one works.
            self._session._retry_connection = False  # noqa: SLF001
        return self._session

    async def send(self, request: WireRequest) -> Reply:
        """Send a request once and return the whole reply."""
        progress = _Progress(on_sent=request.on_sent)
        with _translated(request, progress):
            response = await self._request(request, progress)
            progress.is_answered = True
            async with response:
                is_error = error_class(response.status) is not None
                limit = MAX_ERROR_BYTES if is_error else request.max_reply_bytes
                body = await _read_bounded(response, limit, is_cut=is_error)
                headers = _lower(response.headers)
                return Reply(response.status, headers, body, is_framed(headers))

    async def open_stream(self, request: WireRequest) -> "AiohttpStream":
        """Send a request once and return as soon as the reply's head is there."""
        progress = _Progress()
        with _translated(request, progress):
            return AiohttpStream(await self._request(request, progress), request)

    async def close_stream(self, reply: StreamReply) -> None:
        """Give the connection back, or drop it where the body was not read to the end."""
        if isinstance(reply, AiohttpStream):
            reply.close()

    async def _request(self, request: WireRequest, progress: _Progress) -> aiohttp.ClientResponse:
        # Only of a tunnel does the proxy see headers of its own; without one it reads, and keeps, those of the request.
        is_tunnel = request.url.lower().startswith("https:")
        return await self._open().request(
            request.method,
            request.url,
            data=_payload(request.body),
            headers=request.headers if is_tunnel else {**request.headers, **self._proxy_headers},
            allow_redirects=False,  # a redirect would carry the credential, or the body, to another address
            timeout=aiohttp.ClientTimeout(
                total=request.timeout_seconds,
                connect=None,
                sock_connect=self._settings.connect_timeout_seconds,
                sock_read=request.idle_timeout_seconds,
            ),
            proxy=self._proxy,
            proxy_headers=self._proxy_headers if is_tunnel else None,
            ssl=self._settings.ssl_context or True,
            trace_request_ctx=progress,
            skip_auto_headers=() if request.body is None else (hdrs.CONTENT_TYPE,),
        )

    async def aclose(self) -> None:
        """Close all connections, for good."""
        self._is_closed = True
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()


class AiohttpStream:
    """A reply whose body is read as it arrives.

    Args:
        response: aiohttp's reply, its head read.
        request: What was asked, for errors.
    """

    def __init__(self, response: aiohttp.ClientResponse, request: WireRequest) -> None:
        self._response = response
        self._request = request
        self.status = response.status
        self.headers = _lower(response.headers)

    @property
    def is_framed(self) -> bool:
        """Whether a truncated body is noticed."""
        return is_framed(self.headers)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, not inflated."""
        with _translated(self._request, _Progress(is_sent=True)):
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def read_error(self) -> bytes:
        """Return the first 64 KiB of the inflated body."""
        with _translated(self._request, _Progress(is_sent=True)):
            return await _read_bounded(self._response, MAX_ERROR_BYTES, is_cut=True)

    def close(self) -> None:
        """Give the connection back, or drop it where the body was not read to the end."""
        if self._response.content.is_eof():
            self._response.release()
        else:
            self._response.close()


def _proxy(address: str | None) -> tuple[str | None, dict[str, str]]:
    """Return a proxy's address without its user and password, which aiohttp would show in errors, and as a header."""
    if address is None:
        return None, {}
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return address, {}
    name, _, password = user.partition(":")
    header = {str(hdrs.PROXY_AUTHORIZATION): basic_authorization(unquote(name), unquote(password))}
    return parts._replace(netloc=host).geturl(), header


def _payload(body: bytes | None) -> bytes | io.BytesIO | None:
    """Return a body in a form that aiohttp takes without complaint: it warns of bytes above 1 MiB."""
    return io.BytesIO(body) if body is not None and len(body) > _MAX_PLAIN_BODY_BYTES else body


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def _read_bounded(response: aiohttp.ClientResponse, limit: int, *, is_cut: bool) -> bytes:
    """Read and inflate at most `limit` bytes; beyond it the rest is left (`is_cut`) or the reply refused."""
    encoding = response.headers.get(hdrs.CONTENT_ENCODING, "").lower()
    inflater = Decompressor() if encoding in COMPRESSED_ENCODINGS else None
    # It grows in place: joining blocks at the end would copy the whole body at once.
    body = io.BytesIO()
    has_begun = False
    time_slice = TimeSlice()
    async for chunk in response.content.iter_any():
        for part in inflater.blocks(chunk, _MAX_BLOCK_BYTES) if inflater else (chunk,):
            has_begun = True
            body.write(part)
            if body.tell() > limit:
                break
            # One chunk may decompress to a thousand blocks.
            if time_slice.is_over:
                await time_slice.next()
        if body.tell() > limit:
            response.close()
            if is_cut:
                break
            raise TruncatedReplyError(f"the reply is larger than the {limit:,} bytes that this call takes")
    if inflater and body.tell() <= limit and not inflater.is_whole and has_begun:
        raise TruncatedReplyError("the reply's gzip stream ends before its trailer")
    if body.tell() > limit:
        body.truncate(limit)
    return body.getvalue()


@contextmanager
def _translated(request: WireRequest, progress: _Progress) -> Iterator[None]:
    """Turn whatever aiohttp raises into one of our errors, without the query, which can hold a token."""
    where = f"{request.method} {request.url.partition('?')[0]}"
    try:
        yield
    except MixpanelError:
        raise
    except aiohttp.InvalidURL:
        raise InvalidSettingError(f"{where}: not a URL that can be asked") from None
    except aiohttp.ClientHttpProxyError as error:  # there is no tunnel, so nothing was sent; its text has an address
        raise ConnectFailedError(f"{where}: the proxy answered HTTP {error.status}; check the setting proxy") from None
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise ConnectFailedError(
            f"{where}: cannot connect: {_reason(error)}; check the address and the network"
        ) from None
    except aiohttp.SocketTimeoutError:
        raise RequestTimeoutError(
            f"{where}: nothing of the reply arrived for {request.idle_timeout_seconds:g} s", sent=progress.is_sent
        ) from None
    except TimeoutError:
        raise RequestTimeoutError(
            f"{where}: no complete reply within {request.timeout_seconds:g} s", sent=progress.is_sent
        ) from None
    except (aiohttp.ClientError, *BROKEN, OSError) as error:
        raise ConnectionLostError(
            f"{where}: the connection broke: {_reason(error)}",
            sent=progress.is_sent,
            is_stale=progress.is_reused and not progress.is_answered,
        ) from None
    except asyncio.IncompleteReadError:
        raise ConnectionLostError(f"{where}: the reply ended early", sent=progress.is_sent) from None


def _reason(error: BaseException) -> str:
    cause = getattr(error, "os_error", None)
    text = str(cause or error).strip()
    return text.partition("?")[0][:200] or type(error).__name__
