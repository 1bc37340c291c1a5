"""The middleware for WSGI, by itself and in Flask, with the client for synchronous code."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Never
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from flask import Blueprint, Flask, request, stream_with_context

from mixpanel_async import Settings
from mixpanel_async.middleware import ClientIP, WSGIMiddleware
from mixpanel_async.middleware.wsgi import Environ, StartResponse, WSGIApp
from mixpanel_async.sync import Mixpanel
from mixpanel_async.testing import LocalMixpanel
from tests.integration.middleware.serving import own


@pytest.fixture(scope="module")
def running() -> Iterator[LocalMixpanel]:
    with LocalMixpanel() as made:
        yield made


@pytest.fixture
def server(running: LocalMixpanel) -> LocalMixpanel:
    running.reset()
    return running


@pytest.fixture
def client(server: LocalMixpanel) -> Iterator[Mixpanel]:
    with Mixpanel(server.token, base_url=server.url, settings=Settings(linger_seconds=0.01)) as made:
        yield made


def environ_of(path: str = "/", **more: object) -> Environ:
    environ: Environ = {
        "PATH_INFO": path,
        "REMOTE_ADDR": "192.0.2.1",
        "QUERY_STRING": "secret=1",
        "SCRIPT_NAME": "",
        **more,
    }
    setup_testing_defaults(environ)  # type: ignore[arg-type]
    return environ


class Server:
    """A server that keeps a response."""

    def __init__(self) -> None:
        self.status = ""
        self.body: Iterable[bytes] = ()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: object = None, /
    ) -> Callable[[bytes], object]:
        del headers, exc_info
        self.status = status
        return lambda _: None

    def ask(self, app: WSGIApp, environ: Environ | None = None, parts: int = 1_000) -> bytes:
        """Send a request, read some parts of the body, and close it."""
        self.body = app(environ_of() if environ is None else environ, self.start_response)
        read = b"".join(part for part, _ in zip(self.body, range(parts), strict=False))
        if hasattr(self.body, "close"):
            self.body.close()
        return read


def whole(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    del environ
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"whole"]


def events_of(server: LocalMixpanel, client: Mixpanel) -> dict[str, list[dict[str, Any]]]:
    assert client.flush(10).pending == 0
    found: dict[str, list[dict[str, Any]]] = {}
    for event in server.events():
        found.setdefault(event["event"], []).append(own(event))
    return found


def test_it_does_nothing_unless_asked(client: Mixpanel, server: LocalMixpanel) -> None:
    """Without options, nothing is tracked, and the body is the application's own."""
    served = Server()
    assert served.ask(WSGIMiddleware(whole, client)) == b"whole"
    assert isinstance(served.body, list)
    assert events_of(server, client) == {}


def test_the_event_and_the_context(client: Mixpanel, server: LocalMixpanel) -> None:
    """What is tracked while a body is produced has the context, too; the event comes after the last part."""

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        client.track(None, "Begin")
        start_response("201 Created", [])
        for part in (b"a", b"b"):
            client.track(None, "Part")
            yield part
        environ["user"] = "bob"

    middleware = WSGIMiddleware(
        app, client, request_event="R", distinct_id=lambda environ: environ.get("user"), properties=lambda _: {"p": 1},
        client_ip=ClientIP(trusted_proxies=1), user_agent=True,
    )  # fmt: skip
    environ = environ_of(
        "/secret", user="ann", HTTP_X_FORWARDED_FOR="6.6.6.6,198.51.100.7", HTTP_USER_AGENT="curl/8.5.0 \xff"
    )
    assert Server().ask(middleware, environ) == b"ab"
    client.track("nobody", "Outside")
    found = events_of(server, client)
    assert [(one["distinct_id"], one["p"]) for one in found["Begin"] + found["Part"]] == [("ann", 1)] * 3
    assert "p" not in found["Outside"][0]
    [event] = found["R"]
    assert event.pop("duration_ms") >= 0
    assert event == {
        "distinct_id": "bob", "method": "GET", "route": "(no route)", "status": 201, "ending": "completed", "p": 1,
        "ip": "198.51.100.7", "$browser": "curl", "$browser_version": 8.5,
    }  # fmt: skip


def raises_at_once(environ: Environ, start_response: StartResponse) -> Never:
    del environ, start_response
    raise LookupError


def raises_later(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    del environ
    start_response("200 OK", [])
    yield b"a"
    raise LookupError


@pytest.mark.parametrize(("app", "status"), [(raises_at_once, 500), (raises_later, 200)])
def test_an_application_that_raises(app: WSGIApp, status: int, client: Mixpanel, server: LocalMixpanel) -> None:
    """The exception reaches the server; there is one event, also where the server closes the body afterwards."""
    served = Server()
    with pytest.raises(LookupError):
        served.ask(WSGIMiddleware(app, client, request_event="R"))
    if hasattr(served.body, "close"):
        served.body.close()
    [event] = events_of(server, client)["R"]
    assert (event["status"], event["ending"], event["error"]) == (status, "failed", "LookupError")


@pytest.mark.parametrize(
    ("method", "parts", "ending"),
    [("GET", 0, "disconnected"), ("GET", 1, "disconnected"), ("HEAD", 0, "completed"), ("GET", 9, "completed")],
)
def test_a_body_that_is_closed(method: str, parts: int, ending: str, client: Mixpanel, server: LocalMixpanel) -> None:
    """A server that stops reading means a client that has gone, except for HEAD; the application's body is closed."""
    closed = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield from (b"a", b"b")

        def close(self) -> None:
            closed.append(True)

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        del environ
        start_response("200 OK", [])
        return Body()

    Server().ask(WSGIMiddleware(app, client, request_event="R"), environ_of(REQUEST_METHOD=method), parts)
    [event] = events_of(server, client)["R"]
    assert (event["ending"], closed) == (ending, [True])


def test_files_are_left_to_the_server(client: Mixpanel, server: LocalMixpanel) -> None:
    """A file that the server sends by itself is passed on as it is."""

    class File:
        def read(self, size: int = -1) -> bytes:
            del size
            return b""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        body: Iterable[bytes] = environ["wsgi.file_wrapper"](File())
        return body

    served = Server()
    served.ask(WSGIMiddleware(app, client, request_event="R"), {**environ_of(), "wsgi.file_wrapper": FileWrapper})
    assert isinstance(served.body, FileWrapper)
    assert len(events_of(server, client)["R"]) == 1


def test_the_protocol(client: Mixpanel) -> None:
    """The middleware keeps to PEP 3333, on both sides."""

    def streams(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        yield from whole(environ, start_response)

    for app in (whole, streams):
        middleware = validator(WSGIMiddleware(validator(app), client, request_event="R"))  # type: ignore[arg-type]
        body = middleware(environ_of(), lambda *_: lambda _: None)  # type: ignore[arg-type]
        assert b"".join(body) == b"whole"
        body.close()  # type: ignore[attr-defined]


def fails(_: object) -> Never:
    raise ValueError("ann@example.com")


def test_whatever_fails(server: LocalMixpanel, caplog: pytest.LogCaptureFixture) -> None:
    """Functions that raise, a closed client, one that is missing: the request is served."""
    client = Mixpanel(server.token, base_url=server.url)
    options: dict[str, Any] = {"request_event": "R", "distinct_id": fails, "properties": fails, "route": fails}
    with caplog.at_level(logging.WARNING):
        assert Server().ask(WSGIMiddleware(whole, client, **options)) == b"whole"
        client.close()
        assert Server().ask(WSGIMiddleware(whole, client, **options)) == b"whole"
        assert Server().ask(WSGIMiddleware(whole, fails, **options)) == b"whole"
        assert Server().ask(WSGIMiddleware(whole, lambda _: None, **options)) == b"whole"
    assert len(server.events("R")) == 1
    assert "ClientClosedError" in caplog.text
    assert "ann@" not in caplog.text


def test_many_threads(client: Mixpanel, server: LocalMixpanel) -> None:
    """Requests in many threads do not mix."""
    barrier = threading.Barrier(50)

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        barrier.wait(30)
        client.track(None, "One", {"own": environ["user"]})
        yield b"x"
        client.track(None, "Two", {"own": environ["user"]})

    def user_of(environ: Environ) -> str:
        return str(environ["user"])

    middleware = WSGIMiddleware(
        app, client, request_event="R", distinct_id=user_of, properties=lambda environ: {"own": user_of(environ)}
    )
    threads = [
        threading.Thread(target=Server().ask, args=(middleware, environ_of(user=f"u{number}"))) for number in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = events_of(server, client)
    assert {name: len(events) for name, events in found.items()} == {"One": 50, "Two": 50, "R": 50}
    assert all(event["distinct_id"] == event["own"] for events in found.values() for event in events)


def flask(client: Mixpanel, options: Mapping[str, Any]) -> Flask:
    app = Flask(__name__)
    shop = Blueprint("shop", __name__, url_prefix="/shop")

    @shop.get("/items/<int:item>")
    def item(item: int) -> str:
        client.track(None, "Item Viewed", {"item": item})
        return "x"

    @shop.get("/stream")
    def stream() -> Any:  # noqa: ANN401 - what Flask takes
        def parts() -> Iterator[str]:
            client.track(None, "Part")
            yield request.path

        return stream_with_context(parts())

    @shop.get("/broken")
    def broken() -> Never:
        raise LookupError

    app.register_blueprint(shop)
    app.wsgi_app = WSGIMiddleware(app.wsgi_app, client, **options)  # type: ignore[method-assign, arg-type]
    return app


def test_flask(client: Mixpanel, server: LocalMixpanel) -> None:
    """In Flask, the event has the rule; views and streams have the context."""
    options = {"request_event": "R", "distinct_id": lambda environ: environ.get("HTTP_X_USER")}
    cases = [
        ("/shop/items/7", "/shop/items/<int:item>", 200),
        ("/shop/items/secret", "(no route)", 404),
        ("/shop/stream", "/shop/stream", 200),
        ("/shop/broken", "/shop/broken", 500),
        ("/secret", "(no route)", 404),
    ]
    with flask(client, options).test_client() as browser:
        for path, _, status in cases:
            assert browser.get(path, headers={"x-user": "ann"}, buffered=True).status_code == status
    found = events_of(server, client)
    assert [(event["route"], event["status"]) for event in found["R"]] == [case[1:] for case in cases]
    assert {event["distinct_id"] for events in found.values() for event in events} == {"ann"}
    assert {"Item Viewed", "Part"} <= found.keys()
    assert "secret" not in str(found)
