"""Profiles stream, and resume where they were interrupted."""

import asyncio
import json
import re
import signal

import pytest
from aiohttp import web

from tests.integration.actions.server import Script, Seen
from tests.integration.cli.conftest import MODULE, Command, account_environment, answer
from tests.integration.cli.replies import PROFILES, profile

ALL = [f"user-{number}" for number in range(PROFILES)]


def ids(lines: str) -> list[str]:
    return [json.loads(line)["distinct_id"] for line in lines.splitlines()]


def place(err: str) -> list[str]:
    """Return the printed options for resuming."""
    found = re.fullmatch(
        r"mixpanel-async: to resume: (--session-id s-1 --page \d+(?: --offset \d+)?)", err.splitlines()[0]
    )
    assert found is not None, err
    return found[1].split()


async def test_all_pages_as_lines(inside: Command, mixpanel: Script) -> None:
    """Without a terminal, each profile is one line of JSON, exactly once, and there are no messages."""
    ended = await inside("query", "profiles", "--where", "w", "--distinct-ids", "a", "--distinct-ids", "b")
    assert (ended.status, ids(ended.out), ended.err) == (0, ALL, "")
    assert [seen.form.get("page") for seen in mixpanel.seen] == [None, "1", "2"]
    assert mixpanel.seen[0].form == {"where": "w", "distinct_ids": '["a","b"]'}


async def test_properties_become_columns(inside: Command, mixpanel: Script) -> None:
    """--property selects the columns, in CSV as in any format."""
    ended = await inside("query", "profiles", "--property", "plan", "--property", "seats", "--output", "csv")
    assert ended.out.splitlines()[:3] == ["distinct_id,plan,seats", 'user-0,"fr""ee",', "user-1,pro,1"]
    assert mixpanel.seen[0].form == {"output_properties": '["plan","seats"]'}


async def test_raw_profiles_are_one_array(inside: Command) -> None:
    """--json prints the profiles as Mixpanel sent them, as one document."""
    ended = await inside("query", "profiles", "--json")
    assert ended.json == [profile(number) for number in range(PROFILES)]


@pytest.mark.parametrize("limit", range(1, PROFILES + 1))
async def test_limit_and_going_on_miss_nothing(limit: int, inside: Command) -> None:
    """The printed options resume after --limit without gaps or duplicates."""
    first = await inside("query", "profiles", "--limit", str(limit), "--output", "csv")
    rest = await inside("query", "profiles", *place(first.err), "--output", "csv")
    lines = (first.out + rest.out).splitlines()
    assert [line.partition(",")[0] for line in lines] == ["distinct_id", *ALL]


async def test_a_limit_above_all_is_the_end(inside: Command) -> None:
    """If all profiles were printed, no options to resume are printed."""
    ended = await inside("query", "profiles", "--limit", str(PROFILES + 1))
    assert (ids(ended.out), ended.err) == (ALL, "")


async def test_an_error_on_the_way_tells_where_to_go_on(inside: Command, mixpanel: Script) -> None:
    """If a page fails, the profiles so far and the options to resume are printed, and the status is not 0."""

    async def refuse_last(seen: Seen) -> web.StreamResponse:
        return await answer(seen) if seen.form.get("page") != "2" else web.Response(status=400, text="no")

    mixpanel.handler = refuse_last
    broken = await inside("query", "profiles")
    assert broken.status == 1
    mixpanel.handler = answer
    rest = await inside("query", "profiles", *place(broken.err))
    assert ids(broken.out) + ids(rest.out) == ALL


async def test_what_is_not_whole_is_no_json_array(inside: Command, mixpanel: Script) -> None:
    """An incomplete array is not closed, so that it cannot be mistaken for a complete one."""

    async def refuse_last(seen: Seen) -> web.StreamResponse:
        return await answer(seen) if seen.form.get("page") != "2" else web.Response(status=400, text="no")

    mixpanel.handler = refuse_last
    broken = await inside("query", "profiles", "--output", "json")
    assert broken.status == 1
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken.out)


async def test_interrupt_prints_the_place(command: Command, mixpanel: Script) -> None:
    """Ctrl-C keeps what was printed, prints the options to resume, and ends with 130."""
    is_asked = asyncio.Event()

    async def hang_on_last(seen: Seen) -> web.StreamResponse:
        if seen.form.get("page") == "2":
            is_asked.set()
            await asyncio.Event().wait()
        return await answer(seen)

    mixpanel.handler = hang_on_last
    process = await asyncio.create_subprocess_exec(
        *MODULE, "query", "profiles", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=account_environment(mixpanel.url),
    )  # fmt: skip
    await is_asked.wait()
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert process.returncode == 130
    assert err.decode().splitlines()[1:] == ["mixpanel-async: interrupted"]
    mixpanel.handler = answer
    rest = await command("query", "profiles", *place(err.decode()))
    assert ids(out.decode()) + ids(rest.out) == ALL


async def test_one_page(inside: Command) -> None:
    """A page is printed with the options for the next page; the last page has none."""
    first = await inside("query", "profiles-page")
    assert [row["distinct_id"] for row in json.loads(first.out)] == ALL[:3]
    last = await inside("query", "profiles-page", "--session-id", "s-1", "--page", "2")
    assert place(first.err) == ["--session-id", "s-1", "--page", "1"]
    assert ([row["distinct_id"] for row in json.loads(last.out)], last.err) == (ALL[6:], "")
