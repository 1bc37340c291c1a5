"""The middleware for Django, under WSGI and under ASGI."""

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Never

import django
import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import include, path, re_path

from mixpanel_async import AsyncMixpanel, Settings
from mixpanel_async.errors import InvalidSettingError
from mixpanel_async.middleware import ClientIP
from mixpanel_async.middleware.django import DjangoMiddleware
from mixpanel_async.sync import Mixpanel
from mixpanel_async.sync.runner import Runner
from mixpanel_async.testing import LocalMixpanel
from tests.integration.middleware.serving import own

if not settings.configured:
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="made up", DEBUG=False)
    django.setup()

ANN = {"x-user": "ann"}
HOLDER: dict[str, Mixpanel] = {}


def view(request: HttpRequest, **_: object) -> HttpResponse:
    HOLDER["client"].track(None, "Inside", {"user": request.headers.get("x-user", "")})
    return HttpResponse("x", status=int(request.GET.get("status", "200")))


async def async_view(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    return view(request)


def missing(_: HttpRequest) -> Never:
    raise Http404


def forbidden(_: HttpRequest) -> Never:
    raise PermissionDenied


def broken(_: HttpRequest) -> Never:
    raise LookupError("the user's data")


async def async_broken(_: HttpRequest) -> Never:
    raise LookupError("the user's data")


def stream(_: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        for part in "ab":
            HOLDER["client"].track(None, "Part")
            yield part

    return StreamingHttpResponse(parts(), status=206)


async def async_stream(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        for part in "ab":
            HOLDER["client"].track(None, "Part")
            yield part
            if "fails" in request.GET:
                raise LookupError

    return StreamingHttpResponse(parts(), status=206)


def file(_: HttpRequest) -> FileResponse:
    return FileResponse(io.BytesIO(b"ab"))


inner = [path("items/<int:item>/", view), re_path(r"^by-name/(?P<name>\w+)/$", view)]
urlpatterns = [
    path("", view),
    path("async/", async_view),
    path("users/<str:user>/", view),
    path("tenants/<slug:tenant>/", include(inner)),
    path("missing/", missing),
    path("forbidden/", forbidden),
    path("broken/", broken),
    path("async-broken/", async_broken),
    path("stream/", stream),
    path("async-stream/", async_stream),
    path("file/", file),
]


@pytest.fixture(scope="module")
def running() -> Iterator[LocalMixpanel]:
    with LocalMixpanel() as made:
        yield made


@pytest.fixture
def server(running: LocalMixpanel) -> Iterator[LocalMixpanel]:
    running.reset()
    with Mixpanel(running.token, base_url=running.url, settings=Settings(linger_seconds=0.01)) as client:
        HOLDER["client"] = client
        with override_settings(MIDDLEWARE=["mixpanel_async.middleware.django.DjangoMiddleware"], MIXPANEL=OPTIONS):
            yield running


def user_of(request: HttpRequest) -> str | None:
    return request.headers.get("x-user")


class _Options(Mapping[str, object]):
    """The setting; its client is that of the running test."""

    own: Mapping[str, object] = {"request_event": "R", "distinct_id": f"{__name__}.user_of"}

    def __getitem__(self, name: str) -> object:
        return HOLDER["client"] if name == "client" else self.own[name]

    def __iter__(self) -> Iterator[str]:
        yield from ("client", *self.own)

    def __len__(self) -> int:
        return len(self.own) + 1


OPTIONS = _Options()


def events_of(server: LocalMixpanel, name: str) -> list[dict[str, Any]]:
    return [own(event) for event in server.events(name)]


def flush() -> None:
    assert HOLDER["client"].flush(10).pending == 0


CASES = [
    ("/", "/", 200, "completed"),
    ("/?status=404&secret=1", "/", 404, "completed"),
    ("/?status=503", "/", 503, "completed"),
    ("/async/", "/async/", 200, "completed"),
    ("/users/secret/", "/users/<str:user>/", 200, "completed"),
    ("/tenants/secret/items/7/", "/tenants/<slug:tenant>/items/<int:item>/", 200, "completed"),
    ("/tenants/secret/by-name/x/", r"/tenants/<slug:tenant>/by-name/(?P<name>\w+)/$", 200, "completed"),
    ("/missing/", "/missing/", 404, "completed"),
    ("/forbidden/", "/forbidden/", 403, "completed"),
    ("/broken/", "/broken/", 500, "failed"),
    ("/async-broken/", "/async-broken/", 500, "failed"),
    ("/file/", "/file/", 200, "completed"),
    ("/secret/", "(no route)", 404, "completed"),
]


def check_cases(server: LocalMixpanel, statuses: list[int]) -> None:
    assert statuses == [status for _, _, status, _ in CASES]
    found = events_of(server, "R")
    assert [(each["route"], each["status"], each["ending"]) for each in found] == [case[1:] for case in CASES]
    assert {each["distinct_id"] for each in found} == {"ann"}
    assert {each.get("error") for each in found} == {None, "LookupError"}
    assert "secret" not in str(found)
    assert "the user's data" not in str(found)
    assert {each["distinct_id"] for each in events_of(server, "Inside")} == {"ann"}


def test_under_wsgi(server: LocalMixpanel) -> None:
    """Routes, statuses and endings; views have the context; no part of a path is in an event."""
    browser = Client(raise_request_exception=False, headers=ANN)
    statuses = []
    for url, *_ in CASES:
        reply = browser.get(url)
        statuses.append(reply.status_code)
        reply.close()
    flush()
    check_cases(server, statuses)


async def test_under_asgi(server: LocalMixpanel) -> None:
    """The same under ASGI, where Django runs the middleware in the event loop."""
    browser = AsyncClient(raise_request_exception=False)
    statuses = [(await browser.get(url, headers=ANN)).status_code for url, *_ in CASES]
    await asyncio.to_thread(flush)
    check_cases(server, statuses)


def test_a_stream(server: LocalMixpanel) -> None:
    """The parts of a stream have the context, and the event comes after the last one, or when it is closed."""
    browser = Client(headers=ANN)
    whole = browser.get("/stream/")
    flush()
    assert events_of(server, "R") == []
    assert b"".join(whole) == b"ab"
    whole.close()
    cut = browser.get("/stream/")
    assert next(iter(cut)) == b"a"
    cut.close()
    browser.head("/stream/").close()
    flush()
    found = events_of(server, "R")
    assert [(each["method"], each["status"], each["ending"]) for each in found] == [
        ("GET", 206, "completed"), ("GET", 206, "disconnected"), ("HEAD", 206, "completed"),
    ]  # fmt: skip
    assert [each["distinct_id"] for each in events_of(server, "Part")] == ["ann"] * 3


async def test_a_stream_under_asgi(server: LocalMixpanel) -> None:
    """The same for streams that are asynchronous, and for one that raises."""
    browser = AsyncClient()

    async def ask(url: str) -> StreamingHttpResponse:
        reply: object = await browser.get(url, headers=ANN)
        assert isinstance(reply, StreamingHttpResponse)
        return reply

    whole = await ask("/async-stream/")
    assert b"".join([part async for part in aiter(whole)]) == b"ab"
    whole.close()
    cut = await ask("/async-stream/")
    assert await anext(aiter(cut)) == b"a"
    cut.close()
    broken_one = await ask("/async-stream/?fails=1")
    with pytest.raises(LookupError):
        [part async for part in aiter(broken_one)]
    broken_one.close()
    await asyncio.to_thread(flush)
    found = events_of(server, "R")
    assert [(each["status"], each["ending"], each.get("error")) for each in found] == [
        (206, "completed", None), (206, "disconnected", None), (206, "failed", "LookupError"),
    ]  # fmt: skip
    assert [each["distinct_id"] for each in events_of(server, "Part")] == ["ann"] * 4


async def test_a_cancelled_request(server: LocalMixpanel) -> None:
    """Under ASGI, a request whose client has gone is cancelled; it has an event and stays cancelled."""

    async def respond(request: HttpRequest) -> HttpResponse:
        del request
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)
        raise AssertionError

    served = DjangoMiddleware(respond)(RequestFactory().get("/"))
    assert asyncio.iscoroutine(served)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(served)
    await asyncio.to_thread(flush)
    assert [each["ending"] for each in events_of(server, "R")] == ["cancelled"]


async def test_requests_at_once(server: LocalMixpanel) -> None:
    """Concurrent requests, in the loop and in threads, do not mix."""
    browser = AsyncClient()
    urls = ("/", "/async/")
    await asyncio.gather(
        *[browser.get(url, headers={"x-user": f"u{number}"}) for number in range(100) for url in urls]
    )  # fmt: skip
    await asyncio.to_thread(flush)
    inside = events_of(server, "Inside")
    assert len(inside) == 200
    assert all(each["distinct_id"] == each["user"] for each in inside)


async def test_the_client_starts_in_a_thread(server: LocalMixpanel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under ASGI, the event loop does not wait while the first request starts the client."""
    threads: list[threading.Thread] = []

    class Started(Runner):
        def __init__(self, make: Callable[[], AsyncMixpanel], exit_seconds: float) -> None:
            threads.append(threading.current_thread())
            super().__init__(make, exit_seconds)

    monkeypatch.setattr("mixpanel_async.sync.client.Runner", Started)
    browser = AsyncClient()
    await asyncio.gather(*[browser.get("/async/") for _ in range(10)])
    await asyncio.to_thread(flush)
    assert len(events_of(server, "R")) == 10
    [starter] = threads
    assert starter is not threading.current_thread()


def test_headers(server: LocalMixpanel) -> None:
    """Asked for, the browser and the address are on all events."""
    more: dict[str, object] = {"user_agent": True, "client_ip": ClientIP(trusted_proxies=1)}
    with override_settings(MIXPANEL={**OPTIONS, **more}):
        browser = Client(headers={"x-forwarded-for": "6.6.6.6, [2001:db8::1]:80", "user-agent": "curl/8.5.0 \xff"})
        browser.get("/?status=201")
    flush()
    found = [*events_of(server, "R"), *events_of(server, "Inside")]
    assert {(each["ip"], each["$browser"], each["distinct_id"]) for each in found} == {("2001:db8::1", "curl", "")}


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        {"client": "x"},
        {"client": AsyncMixpanel("token")},
        {"client": Mixpanel("token"), "sample_rate": 2},
        {"client": Mixpanel("token"), "event": "R"},
    ],
)
def test_invalid_settings(given: Mapping[str, object] | None) -> None:
    """A mistake in the setting keeps the service from starting, with a message that says what to give."""
    with override_settings(MIXPANEL=given), pytest.raises((InvalidSettingError, ImportError)):
        DjangoMiddleware(lambda _: HttpResponse())
