"""The commands of the first level: the module of each, and its line in the help, which imports none of them."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple


class Entry(NamedTuple):
    """One command, or group of commands.

    Attributes:
        name: As users type it.
        module: Module in `mixpanel_async.cli.commands` whose `add` adds it.
        words: Its line in the help; the first sentence of its own help.
        panel: Heading in the help.
        is_hidden: Whether the help leaves it out.
    """

    name: str
    module: str
    words: str
    panel: str
    is_hidden: bool = False


_IN: Final = "Send data"
_OUT: Final = "Get data"
_PROJECT: Final = "Projects and tools"

COMMANDS: Final[Sequence[Entry]] = (
    Entry("import", "imports", "Send records from files to Mixpanel.", _IN),
    Entry("validate", "validate", "Check the events of files as an import would, without sending anything.", _IN),
    Entry("replay", "validate", "Resend the dead letters of an import of events after you fixed their records.", _IN),
    Entry("reconcile", "reconcile", "Compare the events of files with those that Mixpanel has, after an import.", _IN),
    Entry("track", "ingest", "Send events to /track in one request and print Mixpanel's answer.", _IN),
    Entry("identify", "ingest", "Link an anonymous ID to a user's ID (Original ID Merge projects).", _IN),
    Entry("alias", "ingest", "Give a user's ID another name (Original ID Merge projects).", _IN),
    Entry("merge", "ingest", "Merge two IDs into one user, over /import (Original ID Merge projects).", _IN),
    Entry("profiles", "profiles", "Update user profiles, in one request.", _IN),
    Entry("groups", "profiles", "Update group profiles, in one request.", _IN),
    Entry("lookup-tables", "lookup_tables", "Manage lookup tables, which add columns to events and profiles.", _IN),
    Entry(
        "query",
        "query.group",
        "Query reports, profiles, cohorts and activity; run JQL. Limits: 60 queries per hour, 5 concurrent.",
        _OUT,
    ),
    Entry("export", "exports", "Export data from Mixpanel, completely or not at all.", _OUT),
    Entry(
        "sync-export",
        "sync_export",
        "Keep a lake up to date: a directory with a Parquet file for each day, for the command sql and other programs.",
        _OUT,
    ),
    Entry("sql", "sql", "Query a lake of exported events with SQL (DuckDB).", _OUT),
    Entry("pipelines", "pipelines", "Data pipelines: exports that Mixpanel runs by itself.", _OUT),
    Entry("login", "login", "Save credentials, so that commands need no environment variables.", _PROJECT),
    Entry("logout", "login", "Remove a saved login and its secrets.", _PROJECT),
    Entry(
        "whoami",
        "login",
        "Show which credentials and project commands use, and whether Mixpanel accepts them.",
        _PROJECT,
    ),
    Entry("projects", "projects", "List projects.", _PROJECT),
    Entry("cohorts", "projects", "List saved cohorts.", _PROJECT, is_hidden=True),
    Entry(
        "migrate",
        "migrate",
        "Copy events, profiles, groups, schemas and annotations to another project or region.",
        _PROJECT,
    ),
    Entry(
        "request",
        "request",
        "Send any request with the same credentials, retries and rate limits as the other commands.",
        _PROJECT,
    ),
    Entry("serve", "serve", "Run a local Mixpanel server, for tests and offline work, until interrupted.", _PROJECT),
)


def chosen_command(arguments: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Return the name of the command that a command line starts with, or that a shell wants to complete; None: none.

    Args:
        arguments: The arguments after the name of the program.
        environment: Environment variables; a shell that completes gives its command line there.
    """
    typed = environment.get("_TYPER_COMPLETE_ARGS") or environment.get("COMP_WORDS")
    if typed and any(name.endswith("_COMPLETE") for name in environment):
        arguments = typed.split()[1:]
    return next((one for one in arguments if not one.startswith("-")), None)
