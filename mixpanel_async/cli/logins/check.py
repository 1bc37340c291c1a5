"""Asks Mixpanel what credentials give access to."""

from collections.abc import Callable, Sequence

import msgspec

from mixpanel_async import AsyncMixpanel
from mixpanel_async.actions.projects import Project
from mixpanel_async.config import Region
from mixpanel_async.errors import UnauthorizedError


class Access(msgspec.Struct, frozen=True):
    """What credentials give access to.

    Attributes:
        region: The region that accepted them.
        projects: The projects of the account.
    """

    region: Region
    projects: Sequence[Project]


async def find_access(connect: Callable[[Region], AsyncMixpanel], regions: Sequence[Region]) -> Access:
    """Return the first region that accepts the credentials of a client, and their projects.

    Args:
        connect: Returns a client for a region.
        regions: The regions to try, in this order.

    Raises:
        UnauthorizedError: No region accepts them; the error of the first one.
        MixpanelError: A server cannot be reached.
    """
    refused: list[UnauthorizedError] = []
    for region in regions:
        async with connect(region) as client:
            try:
                return Access(region, await client.projects.list())
            except UnauthorizedError as error:
                refused.append(error)
    raise refused[0]


def regions_from(first: Region) -> Sequence[Region]:
    """Return all regions, beginning with one."""
    return (first, *(one for one in Region if one is not first))
