"""The form of a preset: where a vendor's export has each part of an event and of a profile."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

# A path names a field of a record; a dot leads into an object.
Paths: TypeAlias = tuple[str, ...]
# How an object is read. "own": its fields are the customer's properties and stay as they are. "flat": the fields of
# the vendor's own object become properties with dotted names. "open": the same without the name of the object.
ObjectForm: TypeAlias = Literal["own", "flat", "open"]


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """How the records of one kind are read.

    Attributes:
        name: Name of the event, where the export has none.
        names: Where the name is, if not where the other kinds have it.
        skipped: The reason in reports, if the records are not events.
    """

    name: str = ""
    names: Paths = ()
    skipped: str = ""


class SpecialNames(msgspec.Struct, frozen=True, kw_only=True):
    """Names of fields that differ in some records.

    Attributes:
        path: The field that decides.
        value: Its value in these records.
        rename: New names of fields, by path.
    """

    path: str
    value: str
    rename: Mapping[str, str]


class Profiles(msgspec.Struct, frozen=True, kw_only=True):
    """Where an export has the properties of users.

    Attributes:
        id: Where the user's ID is, in order of preference.
        set: Objects whose fields are set.
        set_once: Objects whose fields are set unless they are set already.
        rows: The record is a profile if it lacks these fields; then all its fields are set.
        only: The only kinds of records with properties of users; empty: all.
        rename: Mixpanel's names of properties, by name.
        drop: Fields of `rows` that are left out.
    """

    id: Paths
    set: Paths = ()
    set_once: Paths = ()
    rows: Paths = ()
    only: Paths = ()
    rename: Mapping[str, str] = {}
    drop: frozenset[str] = frozenset()


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """How to read the exports of one vendor.

    Attributes:
        title: The vendor's name.
        reads: The exports that the preset is for.
        reference: The vendor's page about the format.
        list: Field that holds the events of a record, if it holds several.
        kind: Field with the kind of a record.
        kinds: How the records of some kinds are read.
        is_closed: Whether other kinds than those are an error.
        names: Where the name of the event is, in order of preference.
        time: Where the time is.
        time_format: Its format, as `RecordMapping.time_format` has it.
        time_zone: Time zone of times that have none.
        distinct_id: Where the distinct_id is, if the export has one; without it: the user's ID, else the device's.
        user_id: Where the user's ID is.
        device_id: Where the device's ID is.
        mixed_id: Where an ID is that is the device's before the user is known, and the user's afterwards.
        anonymous: Fields that say that the user is not known, with their value.
        insert_id: Where the event's ID is.
        id_patterns: By path: a pattern whose group is the ID.
        has_strangers: Whether events may have no user; they are sent with the distinct_id "".
        forms: How objects are read, by path; a path may end with * for several fields.
        keyed: Lists of names and values, by path: the fields with the name and with the value.
        schemas: Fields with self-describing JSON (Iglu).
        rename: Mixpanel's names of fields, by path.
        special_names: Names of fields that differ in some records.
        drop: Fields that are left out, by path.
        columns: Names of the columns of tables without a header.
        profiles: Where the properties of users are; None: the export has none.
    """

    title: str
    reads: str
    reference: str
    list: str = ""
    kind: str = ""
    kinds: Mapping[str, Kind] = {}
    is_closed: bool = False
    names: Paths
    time: Paths
    time_format: str | None = None
    time_zone: str | None = None
    distinct_id: Paths = ()
    user_id: Paths
    device_id: Paths
    mixed_id: str = ""
    anonymous: Mapping[str, bool] = {}
    insert_id: Paths
    id_patterns: Mapping[str, str] = {}
    has_strangers: bool = False
    forms: Mapping[str, ObjectForm] = {}
    keyed: Mapping[str, tuple[str, str]] = {}
    schemas: Paths = ()
    rename: Mapping[str, str] = {}
    special_names: tuple[SpecialNames, ...] = ()
    drop: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()
    profiles: Profiles | None = None
