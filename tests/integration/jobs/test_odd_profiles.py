"""Profiles of an export that cannot be read: counted, kept or handed over; the others are exported."""

import gzip
import pathlib
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

import pytest
from aiohttp import web

from mixpanel_async import AsyncMixpanel, ServiceAccount
from mixpanel_async.errors import (
    BadRequestError,
    ForbiddenError,
    InvalidArgumentError,
    RateLimitedError,
    TruncatedReplyError,
    UnexpectedReplyError,
    UnreadableProfileError,
)
from mixpanel_async.jobs.exports.profile_check import BadProfile
from tests.integration.actions.server import Script, Seen, listening
from tests.virtual_time import FastClock

ODD = {
    "surrogate": (b'{"$distinct_id":"odd","$properties":{"a":"\\ud83d"}}', "odd"),
    "NaN": (b'{"$distinct_id":"odd","$properties":{"a":NaN}}', "odd"),
    "control": (b'{"$distinct_id":"odd","$properties":{"a":"\x01"}}', "odd"),
    "line_end": (b'{"$distinct_id":"odd",\n"$properties":{"a":"x\r\ny"}}', "odd"),
    "utf8": (b'{"$distinct_id":"odd","$properties":{"a":"\xff"}}', "odd"),
    "brackets": (b'{"$distinct_id":"odd","$properties":{"a":["]}\\"{,",-Infinity]}}', "odd"),
    "id_number": (b'{"$distinct_id":1.5,"$properties":{"a":1}}', "1.5"),
    "id_null": (b'{"$distinct_id":null,"$properties":{"a":1}}', None),
    "id_object": (b'{"$distinct_id":{"a":1},"$properties":{"a":1}}', None),
    "id_surrogate": (b'{"$distinct_id":"\\ud83d","$properties":{"a":1}}', None),
    "id_missing": (b'{"$properties":{"a":1}}', None),
    "properties_null": (b'{"$distinct_id":"odd","$properties":null}', "odd"),
    "properties_list": (b'{"$distinct_id":"odd","$properties":[1]}', "odd"),
    "properties_text": (b'{"$distinct_id":"odd","$properties":"a"}', "odd"),
    "null": (b"null", None),
    "number": (b"7", None),
    "deep": (b'{"$distinct_id":"odd","$properties":{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}}", "odd"),
}
DIGITS = "123456789012345678901234567890"
SIZE = 3


class Server:
    """Replies with pages of three profiles, odd ones among them.

    Attributes:
        pages: The elements of each page, as JSON.
        total: How many profiles the server announces; None: as many as there are.
        asked: The page of each request.
        failures: Statuses of the next replies for a page, by page.
        session: Number of the session that page 0 opens next.
    """

    def __init__(self, *pages: Sequence[bytes]) -> None:
        self.pages = [list(page) for page in pages]
        self.total: int | None = None
        self.asked: list[int] = []
        self.failures: dict[int, list[int]] = {}
        self.session = 0

    async def answer(self, seen: Seen) -> web.StreamResponse:
        """Reply as the query API does."""
        number = int(seen.form.get("page", "0"))
        self.asked.append(number)
        if self.failures.get(number):
            return web.json_response({"error": "session has expired"}, status=self.failures[number].pop(0))
        self.session += number == 0
        total = sum(map(len, self.pages)) if self.total is None else self.total
        head = b'{"page": %d, "page_size": %d, "session_id": "s%d", "status": "ok", "results": [ ' % (
            number, SIZE, self.session,
        )  # fmt: skip
        body = head + b" ,\n".join(self.pages[number]) + b' ] , "total": %d }' % total
        return web.Response(body=body, content_type="application/json")


def good(number: int) -> bytes:
    return b'{"$distinct_id":"u-%d","$properties":{"n":%s, "e":1e400}}' % (number, DIGITS.encode())


def pages_with(odd: bytes) -> Server:
    return Server([good(0), odd, good(1)], [good(2), good(3), good(4)], [odd])


GOOD_LINES = [good(number) for number in range(5)]


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    async with listening() as made:
        yield made


@pytest.fixture
async def client(script: Script) -> AsyncIterator[AsyncMixpanel]:
    account = ServiceAccount("user", "secret")
    async with AsyncMixpanel(credentials=account, project_id=1, base_url=script.url, clock=FastClock()) as made:
        yield made


def places(bad: Sequence[BadProfile]) -> list[tuple[int, int]]:
    return [(one.page, one.position) for one in bad]


@pytest.mark.parametrize("name", ODD)
async def test_by_default_it_raises(name: str, client: AsyncMixpanel, script: Script, tmp_path: pathlib.Path) -> None:
    """The error says which page and which profile it is and what to do; nothing is asked again."""
    odd, distinct_id = ODD[name]
    server = Server([good(0), odd, good(1)], [])
    script.handler = server.answer
    with pytest.raises(UnreadableProfileError, match=r"^profile 2 of page 0.*set on_bad_line") as caught:
        await client.export.profiles_to_file(tmp_path / "a.ndjson")
    assert (caught.value.page, caught.value.position) == (0, 2)
    assert (caught.value.profile, caught.value.distinct_id) == (odd, distinct_id)
    assert distinct_id is None or f"$distinct_id {distinct_id!r}" in str(caught.value)
    assert str(caught.value).endswith("set on_bad_line (--bad-lines FILE)")
    assert server.asked.count(0) == 1
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240
    with pytest.raises(UnreadableProfileError):
        await anext(client.export.profiles())


@pytest.mark.parametrize("name", ODD)
async def test_a_function_gets_them(name: str, client: AsyncMixpanel, script: Script, tmp_path: pathlib.Path) -> None:
    """A function is called once with each odd profile, as it came; all others are in the file, digit by digit."""
    odd, distinct_id = ODD[name]
    script.handler = pages_with(odd).answer
    bad: list[BadProfile] = []
    report = await client.export.profiles_to_file(tmp_path / "a.ndjson", on_bad_line=bad.append)
    assert places(bad) == [(0, 2), (2, 1)]
    assert [(one.line, one.distinct_id) for one in bad] == [(odd, distinct_id)] * 2
    assert all(one.reason for one in bad)
    assert (tmp_path / "a.ndjson").read_bytes().splitlines() == GOOD_LINES
    assert (report.profiles, report.bad_lines, report.line_bytes) == (5, 2, sum(map(len, GOOD_LINES)) + 5)
    assert [path.name for path in tmp_path.iterdir()] == ["a.ndjson"]  # noqa: ASYNC240


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("surrogate", "surrogate"),
        ("utf8", "byte 43 is not UTF-8"),
        ("id_number", "its $distinct_id is not text: '1.5'"),
        ("id_null", "its $distinct_id is not text: 'null'"),
        ("id_missing", "it has no $distinct_id"),
        ("properties_null", "its $properties are not an object: 'null'"),
        ("number", "it is not an object"),
        ("deep", "it is nested too deeply"),
    ],
)
async def test_reasons(name: str, reason: str, client: AsyncMixpanel, script: Script) -> None:
    """The reason says what is wrong with a profile."""
    script.handler = pages_with(ODD[name][0]).answer
    bad: list[BadProfile] = []
    assert [each async for each in client.export.profile_blocks(on_bad_line=bad.append)]
    assert reason in bad[0].reason


@pytest.mark.parametrize("suffix", ["jsonl.gz", "ndjson.zst", "csv", "csv.gz", "parquet"])
async def test_every_format(suffix: str, client: AsyncMixpanel, script: Script, tmp_path: pathlib.Path) -> None:
    """In every format the file has the profiles that can be read, of users and of groups."""
    script.handler = pages_with(ODD["NaN"][0]).answer
    bad: list[BadProfile] = []
    for path in (tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"):
        if path.name.startswith("a"):
            report = await client.export.profiles_to_file(path, on_bad_line=bad.append)
        else:
            report = await client.export.groups_to_file(path, "company", 7, on_bad_line=bad.append)
        assert (report.profiles, report.bad_lines) == (5, 2)
        assert report.written_bytes == path.stat().st_size
    assert places(bad) == [(0, 2), (2, 1)] * 2
    if suffix == "csv.gz":
        text = gzip.decompress((tmp_path / "b.csv.gz").read_bytes()).decode()
        assert text.splitlines()[1] == f'"company","u-0","{{""n"":{DIGITS}, ""e"":1e400}}"'


async def test_iterators(client: AsyncMixpanel, script: Script) -> None:
    """Iterators yield the others; integers keep all digits, and 1e400 is a Decimal, as in exports of events."""
    script.handler = pages_with(ODD["surrogate"][0]).answer
    bad: list[BadProfile] = []
    found = [each async for each in client.export.profiles(on_bad_line=bad.append)]
    assert [each["$distinct_id"] for each in found] == [f"u-{number}" for number in range(5)]
    assert found[0]["$properties"] == {"n": int(DIGITS), "e": Decimal("1e400")}
    groups = [each async for each in client.export.groups("company", 7, on_bad_line=bad.append)]
    assert [each["$group_id"] for each in groups] == [f"u-{number}" for number in range(5)]
    assert places(bad) == [(0, 2), (2, 1)] * 2
    kept = [each async for each in client.export.profiles(on_bad_line="keep")]
    assert kept == found
    blocks = b"".join([block async for block in client.export.profile_blocks(on_bad_line="keep")])
    odd = ODD["surrogate"][0]
    assert blocks.splitlines() == [GOOD_LINES[0], odd, *GOOD_LINES[1:], odd]


@pytest.mark.parametrize("name", ODD)
async def test_they_are_kept(name: str, client: AsyncMixpanel, script: Script, tmp_path: pathlib.Path) -> None:
    """Kept profiles are lines of the file as they came, in their place; raw line ends do not break the line."""
    odd = ODD[name][0]
    script.handler = pages_with(odd).answer
    report = await client.export.profiles_to_file(tmp_path / "a.ndjson", on_bad_line="keep")
    line = odd.replace(b"x\r\ny", b"x\\r\\ny").replace(b"\n", b"")
    assert (tmp_path / "a.ndjson").read_bytes().split(b"\n") == [GOOD_LINES[0], line, *GOOD_LINES[1:], line, b""]
    assert (report.profiles, report.bad_lines) == (5, 2)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.csv.gz"])
async def test_tables_keep_nothing(name: str, client: AsyncMixpanel, script: Script, tmp_path: pathlib.Path) -> None:
    """A format without lines cannot keep them, and says so before anything is requested."""
    with pytest.raises(InvalidArgumentError, match="choose NDJSON"):
        await client.export.profiles_to_file(tmp_path / name, on_bad_line="keep")
    with pytest.raises(InvalidArgumentError, match="on_bad_line is invalid"):
        await client.export.profiles_to_file(tmp_path / name, on_bad_line="skip")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="on_bad_line is invalid"):
        await anext(client.export.profiles(on_bad_line=None))  # type: ignore[arg-type]
    assert not script.seen
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240


async def test_a_page_of_odd_ones(client: AsyncMixpanel, script: Script, tmp_path: pathlib.Path) -> None:
    """Pages of odd profiles alone are no end and no empty export, also when the export is resumed between them."""
    odd = [ODD["NaN"][0], ODD["id_null"][0], ODD["null"][0]]
    server = Server(odd, [ODD["utf8"][0], *odd[1:]], [])
    server.failures[1] = [403]
    script.handler = server.answer
    bad: list[BadProfile] = []
    path = tmp_path / "a.ndjson"
    with pytest.raises(ForbiddenError):
        await client.export.profiles_to_file(path, on_bad_line=bad.append)
    assert bad == []
    report = await client.export.profiles_to_file(path, on_bad_line=bad.append, resume=True)
    assert server.asked.count(0) == 1
    assert places(bad) == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)]
    assert (report.profiles, report.bad_lines, path.read_bytes()) == (0, 6, b"")


async def test_a_resumed_export_reports_all_once(client: AsyncMixpanel, script: Script, tmp_path: pathlib.Path) -> None:
    """Odd profiles of an earlier run are reported when the file is complete, once, with those of the resumed run."""
    server = pages_with(ODD["utf8"][0])
    server.failures[2] = [403]
    script.handler = server.answer
    early: list[BadProfile] = []
    late: list[BadProfile] = []
    path = tmp_path / "a.csv"
    with pytest.raises(ForbiddenError):
        await client.export.profiles_to_file(path, on_bad_line=early.append)
    report = await client.export.profiles_to_file(path, on_bad_line=late.append, resume=True)
    assert (early, places(late)) == ([], [(0, 2), (2, 1)])
    assert late[0].line == ODD["utf8"][0]
    assert (report.profiles, report.bad_lines, report.resumed) == (5, 2, 5)
    assert server.asked.count(0) == 1


async def test_raising_first_and_resuming_then(client: AsyncMixpanel, script: Script, tmp_path: pathlib.Path) -> None:
    """After the error of the default, the same export goes on with a function; and raises again without one."""
    server = Server([good(0), good(1), good(2)], [good(3), ODD["NaN"][0], good(4)], [])
    script.handler = server.answer
    path = tmp_path / "a.ndjson"
    with pytest.raises(UnreadableProfileError, match="profile 2 of page 1"):
        await client.export.profiles_to_file(path)
    with pytest.raises(UnreadableProfileError, match="profile 2 of page 1"):
        await client.export.profiles_to_file(path, resume=True)
    bad: list[BadProfile] = []
    report = await client.export.profiles_to_file(path, on_bad_line=bad.append, resume=True)
    assert (places(bad), report.resumed, server.asked.count(0)) == ([(1, 2)], 3, 1)
    assert path.read_bytes().splitlines() == GOOD_LINES


async def test_a_function_first_and_raising_then(client: AsyncMixpanel, script: Script, tmp_path: pathlib.Path) -> None:
    """Odd profiles of an earlier run are not forgotten when the resumed run has no function for them."""
    server = pages_with(ODD["NaN"][0])
    server.failures[1] = [403]
    script.handler = server.answer
    path = tmp_path / "a.ndjson"
    with pytest.raises(ForbiddenError):
        await client.export.profiles_to_file(path, on_bad_line=lambda _: None)
    with pytest.raises(UnreadableProfileError, match="profile 2 of page 0"):
        await client.export.profiles_to_file(path, resume=True)
    with pytest.raises(InvalidArgumentError, match="has other options"):
        await client.export.profiles_to_file(path, resume=True, on_bad_line="keep")
    assert not path.exists()


@pytest.mark.parametrize("error", [OSError("no space"), RateLimitedError("mine", operation="mine")])
async def test_a_function_that_raises(
    error: Exception, client: AsyncMixpanel, script: Script, tmp_path: pathlib.Path
) -> None:
    """If the function raises, its error is the caller's: nothing is asked again, the file is not complete."""
    server = pages_with(ODD["NaN"][0])
    script.handler = server.answer

    def refuse(_: BadProfile) -> None:
        raise error

    path = tmp_path / "a.csv"
    with pytest.raises(type(error)):
        await client.export.profiles_to_file(path, on_bad_line=refuse)
    assert (path.exists(), server.asked) == (False, [0, 1, 2])
    with pytest.raises(type(error)):
        await anext(client.export.profiles(on_bad_line=refuse))
    assert server.asked.count(0) == 2
    bad: list[BadProfile] = []
    report = await client.export.profiles_to_file(path, on_bad_line=bad.append, resume=True)
    assert (places(bad), report.profiles, report.bad_lines) == ([(0, 2), (2, 1)], 5, 2)
    assert server.asked.count(0) == 2


async def test_an_export_that_begins_again(client: AsyncMixpanel, script: Script, tmp_path: pathlib.Path) -> None:
    """Where Mixpanel has forgotten the session, the odd profiles that came again are reported once."""
    server = Server([ODD["NaN"][0]] * 3, [good(0), good(1), good(2)], [])
    server.failures[1] = [400]
    script.handler = server.answer
    bad: list[BadProfile] = []
    report = await client.export.profiles_to_file(tmp_path / "a.ndjson", on_bad_line=bad.append)
    assert places(bad) == [(0, 1), (0, 2), (0, 3)]
    assert (report.profiles, report.bad_lines, report.restarts) == (3, 3, 1)


async def test_a_rate_limit_between_pages(client: AsyncMixpanel, script: Script) -> None:
    """A page that is asked for again after a 429 reports no odd profile twice."""
    server = pages_with(ODD["NaN"][0])
    server.failures[1] = [429] * 8
    server.failures[2] = [429] * 8
    script.handler = server.answer
    bad: list[BadProfile] = []
    found = [each async for each in client.export.profiles(on_bad_line=bad.append)]
    assert (len(found), places(bad), server.asked.count(0)) == (5, [(0, 2), (2, 1)], 1)


@pytest.mark.parametrize(("total", "said"), [(8, "only 7 of 8 profiles"), (5, "6 of 5 profiles")])
async def test_the_total_fits(
    total: int, said: str, client: AsyncMixpanel, script: Script, tmp_path: pathlib.Path
) -> None:
    """Odd profiles count towards the total of the server, and a total that does not fit is an error."""
    server = pages_with(ODD["NaN"][0])
    server.total = total
    script.handler = server.answer
    bad: list[BadProfile] = []
    with pytest.raises(TruncatedReplyError, match=said):
        await client.export.profiles_to_file(tmp_path / "a.ndjson", on_bad_line=bad.append)
    assert (bad, (tmp_path / "a.ndjson").exists()) == ([], False)


async def test_a_page_that_comes_again(client: AsyncMixpanel, script: Script) -> None:
    """A page of odd profiles that is the same as an earlier one is noticed."""
    page = [ODD["NaN"][0], good(0), good(1)]
    server = Server(page, page, [])
    script.handler = server.answer
    with pytest.raises(UnexpectedReplyError, match="page 1 of the profiles is the same"):
        assert [each async for each in client.export.profiles(on_bad_line=lambda _: None)]


@pytest.mark.parametrize(
    "body",
    [
        b'{"page":0,"results":[{"$distinct_id":"a","$properties":{"x":NaN}},{"$dist',
        b'{"page":0,"results":[{"$distinct_id":"a","$properties":{"x":NaN}}] oops',
        b'{"page":0,"results":[{"$distinct_id":"a","$properties":{"x":NaN}}]',
        b'{"page":0,"results":[{"$distinct_id":"a","$properties":{"x":NaN}},]}',
        b'{"page":0,"results":[{"$distinct_id":"a","$properties":{"x":NaN}}]} trailing',
        b'{"page":NaN,"results":[]}',
        b'{"page":0,"results":null}',
        b'{"page":0,"results":{"$distinct_id":"a"}}',
        b'{"page":0,"total":0}',
        b"not JSON",
        b"\xff",
        b"",
    ],
)
async def test_a_reply_that_is_no_page(body: bytes, client: AsyncMixpanel, script: Script) -> None:
    """A reply that is cut off or is not a page fails, whatever is done with odd profiles."""
    script.replies = [(200, body)]
    for on_bad_line in ("keep", lambda _: None):
        with pytest.raises(UnexpectedReplyError, match=r"query\.profiles"):
            await anext(client.export.profiles(on_bad_line=on_bad_line))


async def test_an_error_beside_odd_profiles(client: AsyncMixpanel, script: Script) -> None:
    """An error in the body of a reply with an odd profile is Mixpanel's error."""
    script.replies = [(200, b'{"error":"too busy","results":[{"$distinct_id":"a","$properties":{"x":NaN}}]}')]
    with pytest.raises(BadRequestError, match="too busy"):
        await anext(client.export.profiles(on_bad_line="keep"))


async def test_a_single_page(client: AsyncMixpanel, script: Script) -> None:
    """`query.profiles` stays strict: it knows nothing of odd profiles."""
    script.handler = pages_with(ODD["NaN"][0]).answer
    with pytest.raises(UnexpectedReplyError):
        await client.query.profiles_page()
    with pytest.raises(UnexpectedReplyError):
        assert [each async for each in client.query.profiles()]


async def test_a_large_page(client: AsyncMixpanel, script: Script) -> None:
    """A page of megabytes with one odd profile is read as any other."""
    text = b'"' + b"x, ]}" * 2_000 + b'"'
    server = Server([b'{"$distinct_id":"%d","$properties":{"t":%s}}' % (n, text) for n in range(300)])
    server.pages[0] = [*server.pages[0], ODD["brackets"][0]]
    server.pages.append([])
    script.handler = server.answer
    bad: list[BadProfile] = []
    found = [each async for each in client.export.profiles(on_bad_line=bad.append)]
    assert (len(found), places(bad)) == (300, [(0, 301)])


async def test_a_damaged_file_of_odd_profiles(client: AsyncMixpanel, script: Script, tmp_path: pathlib.Path) -> None:
    """If the odd profiles of a started export are gone, it begins again: none of them stays unreported."""
    server = pages_with(ODD["NaN"][0])
    server.failures[2] = [403]
    script.handler = server.answer
    bad: list[BadProfile] = []
    path = tmp_path / "a.ndjson"
    with pytest.raises(ForbiddenError):
        await client.export.profiles_to_file(path, on_bad_line=bad.append)
    started = tmp_path / ".a.ndjson.started.bad"
    assert started.stat().st_mode & 0o777 == 0o600
    started.unlink()
    report = await client.export.profiles_to_file(path, on_bad_line=bad.append, resume=True)
    assert (places(bad), report.resumed, report.profiles) == ([(0, 2), (2, 1)], 0, 5)
