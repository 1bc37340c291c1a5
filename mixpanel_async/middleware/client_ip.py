"""The IP address of the client that sent a request, by a rule that cannot be forged. Does no I/O.

Each proxy appends the address that it saw to a header, so the header is read from the right: what proxies of one's own
appended is true, and everything further left may have been written by anybody.
"""

import functools
import ipaddress
from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias

from mixpanel_async.config import StrictStruct
from mixpanel_async.errors import InvalidSettingError

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX: Final = "unix"
_MAX_HEADER: Final = 4096  # characters from the right that are looked at; a chain of proxies is short
_MAX_HOPS: Final = 32
_MAX_ADDRESS: Final = 128  # characters; an IPv6 address with brackets, zone and port has less


class ClientIP(StrictStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tells middlewares to add the client's IP address to events, and which proxies to believe.

    Without proxies that are trusted, it is the address of the connection, and no header is read. With trusted proxies,
    exactly one header is read, because a client can send the other one.

    Args:
        trusted_proxies: Number of proxies through which every request comes. The address is what the outermost of them
            saw. A request with fewer addresses has not come through all of them, and gets none.
        trusted_networks: Networks of the proxies, such as `10.0.0.0/8`, instead of their number; `unix` is a proxy that
            connects over a Unix socket. The address is the right-most one outside these networks.
        header: The header to which the proxies append: `x-forwarded-for` or `forwarded` (RFC 7239).

    Raises:
        InvalidSettingError: A network is invalid, or both a number and networks are given.

    Example:
        ```python
        from mixpanel_async.middleware import ClientIP

        behind_a_load_balancer = ClientIP(trusted_proxies=1)
        ```
    """

    trusted_proxies: int = 0
    trusted_networks: Sequence[str] = ()
    header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.trusted_proxies < _MAX_HOPS:
            raise InvalidSettingError(f"trusted_proxies is invalid: it is not from 0 to {_MAX_HOPS - 1}")
        if self.trusted_proxies and self.trusted_networks:
            raise InvalidSettingError("trusted_proxies and trusted_networks contradict each other; give one of them")
        if isinstance(self.trusted_networks, str):
            raise InvalidSettingError("trusted_networks is invalid: it is text; give a list of networks")
        for network in self.trusted_networks:
            _read_network(network)


class AddressRule:
    """Finds the client's address as a `ClientIP` says.

    Args:
        which: Which proxies to believe.

    Attributes:
        header: Name of the header to read, in lower case; None: no header is read.
    """

    def __init__(self, which: ClientIP) -> None:
        self._count = which.trusted_proxies
        self._networks = [network for text in which.trusted_networks if (network := _read_network(text)) is not None]
        self._is_unix_trusted = UNIX in which.trusted_networks
        self.header = which.header if self._count or which.trusted_networks else None

    def find(self, peer: str | None, header: str) -> str | None:
        """Return the client's address.

        Args:
            peer: Address of the connection; None or "": a Unix socket.
            header: Value of the header; several headers of the name are joined with commas, in their order.

        Returns:
            The address without port and zone; None: it is not known.
        """
        if self.header is None:
            found = read_address(peer) if peer else None
        else:
            values = _forwarded_from_right(header) if self.header == "forwarded" else _list_from_right(header)
            found = self._by_count(values) if self._count else self._by_network(peer, values)
        return None if found is None else str(found)

    def _by_count(self, values: Iterator[str]) -> IPAddress | None:
        for number, value in enumerate(values, 1):
            if number == self._count:
                return read_address(value)
        return None

    def _by_network(self, peer: str | None, values: Iterator[str]) -> IPAddress | None:
        connected = read_address(peer) if peer else None
        if not peer:
            if not self._is_unix_trusted:
                return None
        elif connected is None or not self._is_trusted(connected):
            return connected
        last = connected
        for value in values:
            last = read_address(value)
            if last is None or not self._is_trusted(last):
                return last
        return last

    def _is_trusted(self, address: IPAddress) -> bool:
        return any(address in network for network in self._networks)


@functools.lru_cache(4096)  # proxies and clients come again, and reading an address takes microseconds
def read_address(text: str) -> IPAddress | None:
    """Return an address as headers and servers write it: with or without port, brackets, quotes and zone.

    An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) is returned as IPv4.

    Args:
        text: The address.

    Returns:
        The address; None if it is not one, such as `unknown` or `_hidden`.
    """
    if len(text) > _MAX_ADDRESS:
        return None
    text = text.strip().strip('"')
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            return None
    else:
        host = text.partition(":")[0] if text.count(":") == 1 else text
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _read_network(text: str) -> _Network | None:
    """Return a network; None for Unix sockets."""
    if text == UNIX:
        return None
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise InvalidSettingError(f"trusted_networks is invalid: {error}") from None


def _list_from_right(header: str) -> Iterator[str]:
    """Yield the addresses of X-Forwarded-For from the right."""
    if header:
        yield from reversed(header[-_MAX_HEADER:].rsplit(",", _MAX_HOPS)[-_MAX_HOPS:])


def _forwarded_from_right(header: str) -> Iterator[str]:
    """Yield the `for` of each element of Forwarded from the right; "" where an element has none.

    From the right also because of quotes: one that a client left open must not swallow what proxies appended.
    """
    element = ""
    for piece in _list_from_right(header):
        element = f"{piece},{element}" if element else piece
        if element.count('"') % 2 == 0:
            yield _for_of(element)
            element = ""


def _for_of(element: str) -> str:
    for pair in element.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            return value
    return ""
