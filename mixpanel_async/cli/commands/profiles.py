"""`mixpanel-async profiles ...` and `groups ...`: updates of profiles in one request."""

from collections.abc import Callable, Mapping
from typing import Annotated, Final, TypeAlias

import typer

from mixpanel_async.actions import IngestOptions
from mixpanel_async.cli.commands.ingest import chosen, print_ingest_reply, records_of, without_project
from mixpanel_async.cli.option_groups import with_options
from mixpanel_async.cli.options.common import ServerOptions, server_options
from mixpanel_async.cli.options.ingest import ingest_options
from mixpanel_async.cli.options.inputs import given_fields, given_json, given_names
from mixpanel_async.cli.runner import Yes, add_group, is_confirmed
from mixpanel_async.errors import InvalidArgumentError
from mixpanel_async.records.updates import GROUP_OPERATIONS, PROFILE_OPERATIONS, check_update

DistinctId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="ID of the user.", show_default=False)]
GroupKey: TypeAlias = Annotated[
    str, typer.Argument(metavar="KEY", help="Group key, such as company.", show_default=False)
]
GroupId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="ID of the group.", show_default=False)]
PropertiesArgument: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="JSON|@FILE", help='Properties such as {"plan": "pro"}; @- is standard input.'),
]
Fields: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--property", metavar="NAME=VALUE", help="Property with a text; repeatable."),
]
Names: TypeAlias = Annotated[
    list[str],
    typer.Argument(metavar="NAME", help="Names of properties, or one JSON array of them.", show_default=False),
]
UpdatesArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="JSON|@FILE|-", help="Up to 2,000 updates in Mixpanel's form.", show_default=False)
]
Address: TypeAlias = Annotated[
    str | None,
    typer.Option("--ip-address", metavar="IP", help="IP address that sets the user's location ($ip)."),
]
# What each operation takes: properties with values.
_WITH_VALUES: Final[Mapping[str, str]] = {
    "set": "Set properties, replacing existing values.",
    "set-once": "Set properties that have no value yet.",
    "add": "Add numbers to properties.",
    "append": "Append a value to list properties.",
    "union": "Add values to list properties that lack them; each property has a list.",
    "remove": "Remove a value from list properties.",
}

_options = with_options(options=ingest_options, server=server_options)


def add(app: typer.Typer) -> None:
    """Add both groups."""
    profiles = {name: _profile_command(name, words) for name, words in _WITH_VALUES.items()}
    others = {"unset": unset, "delete": delete, "update": update}
    add_group(app, "profiles", "Update user profiles, in one request.", {**profiles, **others})
    groups = {n: _group_command(n, words) for n, words in _WITH_VALUES.items() if _operation(n) in GROUP_OPERATIONS}
    group_others = {"unset": unset_group, "delete": delete_group, "update": update_groups}
    add_group(app, "groups", "Update group profiles, in one request.", {**groups, **group_others})


def _profile_command(name: str, words: str) -> Callable[..., int]:
    def command(
        distinct_id: DistinctId,
        properties: PropertiesArgument = None,
        *,
        fields: Fields = None,
        ip_address: Address = None,
        options: IngestOptions,
        server: ServerOptions,
    ) -> int:
        record = {"$distinct_id": distinct_id, _operation(name): _values(properties, fields)}
        if ip_address is not None:
            record["$ip"] = ip_address
        return _send_profile(record, options, server)

    command.__doc__ = words
    return _options(command)


def _group_command(name: str, words: str) -> Callable[..., int]:
    def command(
        group_key: GroupKey,
        group_id: GroupId,
        properties: PropertiesArgument = None,
        *,
        fields: Fields = None,
        options: IngestOptions,
        server: ServerOptions,
    ) -> int:
        target = {"$group_key": group_key, "$group_id": group_id}
        return _send_group({**target, _operation(name): _values(properties, fields)}, options, server)

    command.__doc__ = words
    return _options(command)


@_options
def unset(distinct_id: DistinctId, names: Names, *, options: IngestOptions, server: ServerOptions) -> int:
    """Delete properties of a user."""
    return _send_profile({"$distinct_id": distinct_id, "$unset": given_names("NAME", names)}, options, server)


@_options
def delete(
    distinct_id: DistinctId,
    *,
    ignore_alias: Annotated[
        bool, typer.Option("--ignore-alias", help="Delete the profile of this very ID, not the one it is an alias of.")
    ] = False,
    yes: Yes = False,
    options: IngestOptions,
    server: ServerOptions,
) -> int:
    """Delete a user's profile permanently."""
    if not is_confirmed(f"Delete the profile {distinct_id!r}?", yes=yes):
        return 1
    record: dict[str, object] = {"$distinct_id": distinct_id, "$delete": ""}
    if ignore_alias:
        record["$ignore_alias"] = True
    return _send_profile(record, options, server)


@_options
def update(updates: UpdatesArgument, *, options: IngestOptions, server: ServerOptions) -> int:
    """Send updates of user profiles in Mixpanel's own form, with any operations.

    An update is such as {"$distinct_id": "ann", "$set": {"plan": "pro"}}. For files of them, use import profiles.
    """
    given, records = chosen(without_project(server, "/engage"), options), records_of(updates)
    return print_ingest_reply(server, lambda client: client.ingest.engage(records, **given))


@_options
def unset_group(
    group_key: GroupKey, group_id: GroupId, names: Names, *, options: IngestOptions, server: ServerOptions
) -> int:
    """Delete properties of a group."""
    return _send_group(
        {"$group_key": group_key, "$group_id": group_id, "$unset": given_names("NAME", names)}, options, server
    )


@_options
def delete_group(
    group_key: GroupKey, group_id: GroupId, *, yes: Yes = False, options: IngestOptions, server: ServerOptions
) -> int:
    """Delete a group's profile permanently."""
    if not is_confirmed(f"Delete the group {group_id!r}?", yes=yes):
        return 1
    return _send_group({"$group_key": group_key, "$group_id": group_id, "$delete": ""}, options, server)


@_options
def update_groups(updates: UpdatesArgument, *, options: IngestOptions, server: ServerOptions) -> int:
    """Send updates of group profiles in Mixpanel's own form, with any operations.

    An update is such as {"$group_key": "company", "$group_id": "acme", "$set": {"plan": "pro"}}.
    """
    given, records = chosen(without_project(server, "/groups"), options), records_of(updates)
    return print_ingest_reply(server, lambda client: client.ingest.groups(records, **given))


def _operation(name: str) -> str:
    return "$" + name.replace("-", "_")


def _values(properties: str | None, fields: list[str] | None) -> Mapping[str, object]:
    """Return the properties of a command.

    Raises:
        InvalidArgumentError: There are none, or they are not an object.
    """
    if properties is not None and "=" in properties and properties[:1] not in {"{", "@"}:
        raise InvalidArgumentError(f"properties is invalid: {properties!r} is not JSON; give --property {properties}")
    found = {} if properties is None else given_json("properties", properties)
    if not isinstance(found, dict):
        raise InvalidArgumentError('properties is invalid: give a JSON object such as {"plan": "pro"}')
    values = {**found, **given_fields("--property", fields)}
    if not values:
        raise InvalidArgumentError('properties is missing: give a JSON object such as {"plan": "pro"}, or --property')
    return values


def _send_profile(record: Mapping[str, object], options: IngestOptions, server: ServerOptions) -> int:
    check_update(record, PROFILE_OPERATIONS)
    given = chosen(without_project(server, "/engage"), options)
    return print_ingest_reply(server, lambda client: client.ingest.engage([record], **given))


def _send_group(record: Mapping[str, object], options: IngestOptions, server: ServerOptions) -> int:
    check_update(record, GROUP_OPERATIONS)
    given = chosen(without_project(server, "/groups"), options)
    return print_ingest_reply(server, lambda client: client.ingest.groups([record], **given))
