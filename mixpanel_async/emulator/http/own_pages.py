"""Protection of the server's own pages: who may open them, and which web pages may send to them.

Any web page that the user visits can make the browser send requests to this machine. The endpoints of the SDKs expect
that. The server's own pages, which show and delete data, answer only to themselves and to programs that are no browser:

- A page of another site that points its own host name at this machine (DNS rebinding) is told apart by Host.
- A page of another origin that sends a request (CSRF) is told apart by Sec-Fetch-Site and Origin.
"""

import ipaddress
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from mixpanel_async.emulator.replies import RefusalError
from mixpanel_async.emulator.state import STATE

_ADMIN: Final = "/_admin/"
_OWN_SITES: Final = frozenset({"same-origin", "none"})


def is_own_page(path: str) -> bool:
    """Return whether a path belongs to the server's own pages."""
    return path == "/" or path.startswith(_ADMIN)


@web.middleware
async def guard_own_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests to the server's own pages that another web page has caused.

    Raises:
        RefusalError: With 403, if Host, Origin or Sec-Fetch-Site are not those of the own pages.
    """
    if not is_own_page(request.path):
        return await handler(request)
    host = request.headers.get("Host", "")
    if not is_own_host(host, request.app[STATE].settings.host, _local_port(request)):
        raise RefusalError(
            403, "this page answers only under the server's own address; open it with the address that `serve` prints"
        )
    if not is_own_request(request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site"), host, request.path):
        raise RefusalError(403, "the server's own pages take no requests from other web pages")
    return await handler(request)


def is_own_host(host: str, configured: str, port: int | None) -> bool:
    """Return whether a Host header names this server.

    Args:
        host: Host header: a name or an address, and a port.
        configured: The address that the server listens on.
        port: The port that the request came in at; None if it is unknown.
    """
    try:
        asked = URL(f"http://{host}")
        name = (asked.host or "").rstrip(".").lower()
    except ValueError:
        return False
    if not name or asked.user is not None or asked.path != "/":
        return False
    if _is_loopback(configured):
        # The port may differ only where a container or a proxy can publish another one.
        return asked.port == port and (_is_loopback(name) or name == configured.lower())
    # An address cannot be rebound, only a name can.
    return _is_loopback(name) or name == configured.lower() or _address(name) is not None


def is_own_request(origin: str | None, site: str | None, host: str, path: str) -> bool:
    """Return whether a request to the own pages comes from them, or from a program that is no browser.

    Args:
        origin: Origin header.
        site: Sec-Fetch-Site header.
        host: Host header.
        path: Path; a link of another page may lead to the page itself.
    """
    if path == "/":
        return True
    if site is not None and site not in _OWN_SITES:
        return False
    return origin is None or origin.lower() == f"http://{host}".lower()


def _is_loopback(name: str) -> bool:
    address = _address(name)
    return name.lower() == "localhost" if address is None else address.is_loopback


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _local_port(request: web.Request) -> int | None:
    transport = request.transport
    found = None if transport is None else transport.get_extra_info("sockname")
    return None if found is None else int(found[1])
