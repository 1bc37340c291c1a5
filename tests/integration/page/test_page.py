"""The page in a browser: what its users see and do, by mouse, keyboard and screen reader."""

import pathlib
from typing import Any

import pytest
from playwright.async_api import Page

from mixpanel_async.emulator import Emulator, EmulatorSettings
from mixpanel_async.emulator.settings import Limits
from tests.integration.emulator.api import NOON, Api, event
from tests.integration.page.conftest import Open

# One loop for all tests of the file, because the browser belongs to it.
pytestmark = pytest.mark.asyncio(loop_scope="module")

LINE = "#events-list .line"
SEED = """{"event": "Dropped 1", "properties": {"time": 1760000400, "distinct_id": "u"}}
{"event": "Dropped 2", "properties": {"time": 1760000400, "distinct_id": "u"}}
oops
"""


async def lines(page: Page, section: str = "events") -> list[str]:
    """Return the texts of the lines in sight, from the top."""
    found: list[str] = await page.evaluate(
        """(list) => [...document.querySelectorAll(`#${list}-list .line`)]
            .sort((a, b) => a.dataset.index - b.dataset.index).map((line) => line.innerText)""",
        section,
    )
    return found


async def wait_lines(page: Page, count: int, section: str = "events") -> None:
    await page.wait_for_function(
        "([list, count]) => document.querySelectorAll(`#${list}-list .line`).length === count", arg=[section, count]
    )


async def text_of(page: Page, selector: str) -> str:
    return await page.locator(selector).inner_text()


async def test_an_event_appears_and_is_shown_whole(open_page: Open, api: Api) -> None:
    """An event that comes while the page is open appears at the top; a click shows its JSON."""
    await api.import_events([event(0)])
    page = await open_page()
    await wait_lines(page, 1)
    await api.import_events([event(1, "Paid", amount=12, items=[{"sku": "a"}])])
    await wait_lines(page, 2)
    assert "Paid" in (await lines(page))[0]
    await page.click(LINE + ":has-text('Paid')")
    await page.wait_for_selector("#view-events pre")
    whole = await text_of(page, "#view-events pre")
    assert '"amount": 12' in whole
    assert '"sku": "a"' in whole
    assert await text_of(page, "#count-events") == "2"


async def test_search_narrows(open_page: Open, api: Api) -> None:
    """Filters on name, distinct_id and text narrow the list, and events that come later pass them, too."""
    await api.import_events([event(0, "Signed Up"), event(1, "Paid", plan="pro"), event(2, "Paid", plan="free")])
    page = await open_page()
    await wait_lines(page, 3)
    await page.fill("#filter-event", "paid")
    await wait_lines(page, 2)
    await page.fill("#filter-text", '"plan":"PRO"')
    await wait_lines(page, 1)
    await api.import_events([event(3, "Paid", plan="free"), event(4, "Paid", plan="pro")])
    await wait_lines(page, 2)
    assert "user-4" in (await lines(page))[0]
    await page.fill("#filter-distinct_id", "nobody")
    await page.wait_for_selector("text=No event matches the filter.")
    await page.click("#filter-clear")
    await wait_lines(page, 5)


PROJECTS = """
[[project]]
id = 1
token = "one"
name = "Shop"
secret = "s1"

[[project]]
id = 2
token = "two"
name = "Blog"
secret = "s2"
timezone = "Europe/Berlin"
"""


async def test_projects_are_told_apart(open_page: Open, api: Api, tmp_path: pathlib.Path) -> None:
    """With several projects, a choice narrows events and profiles to one, and reports and dropped files are of it."""
    (tmp_path / "projects.toml").write_text(PROJECTS)
    async with Emulator(EmulatorSettings(projects=tmp_path / "projects.toml")) as emulator:
        own = Api(emulator, api.session)
        for token, name in (("one", "Bought"), ("two", "Read")):
            await own.post_json("/track", {"event": name, "properties": {"token": token, "distinct_id": token}})
            await own.post_json("/engage", {"$token": token, "$distinct_id": token, "$set": {"name": name}})
        page = await open_page(url=emulator.url)
        await wait_lines(page, 2)
        await page.select_option("#filter-project", "2")
        await wait_lines(page, 1)
        assert "Read" in (await lines(page))[0]
        await page.click("nav a[href='#profiles']")
        await wait_lines(page, 1, "profiles")
        await page.click("nav a[href='#reports']")
        await page.wait_for_selector("svg.chart")
        assert await page.locator("#report-event option").all_inner_texts() == ["Read (1)"]
        (tmp_path / "seed.ndjson").write_text(SEED)
        await page.set_input_files("#seed-files", tmp_path / "seed.ndjson")
        await page.wait_for_selector("text=seed.ndjson: 2 events")
        assert len(await emulator.events(project=2)) == 3


async def test_a_rejected_record_shows_its_reason(open_page: Open, api: Api) -> None:
    """A rejected record is counted, and shows why it was rejected, with its field marked in the JSON."""
    page = await open_page("rejected")
    await api.import_events([event(0, time="yesterday")])
    await wait_lines(page, 1, "rejected")
    await page.click("#rejected-list .line")
    await page.wait_for_selector("#view-rejected .reason")
    assert "'properties.time' is invalid" in await text_of(page, "#view-rejected .reason")
    assert await text_of(page, "#view-rejected mark") == '    "time": "yesterday",'
    assert await text_of(page, "#count-rejected") == "1"


async def test_faults_are_switched_on_and_off(open_page: Open, api: Api) -> None:
    """A fault that is switched on makes the next request fail, which is listed with it; it can be switched off."""
    page = await open_page("controls")
    await page.fill("#fault-status", "429")
    await page.fill("#fault-times", "2")
    await page.click("text=Switch on")
    await page.wait_for_selector(".armed li")
    assert await text_of(page, ".armed span") == "status 429 for 2 more requests to *"
    assert (await api.import_events([event(0)])).status == 429
    await page.wait_for_selector(".armed li:has-text('1 more request')")
    await page.click("text=Switch off")
    await page.wait_for_selector(".armed li", state="detached")
    assert (await api.import_events([event(0)])).status == 200
    await page.click("nav a[href='#requests']")
    await wait_lines(page, 2, "requests")
    assert "429" in (await lines(page, "requests"))[1]
    await page.click("#requests-list .line >> nth=0")
    await page.wait_for_selector("#view-requests table")
    shown = await text_of(page, "#view-requests .panel")
    assert "Authorization" in shown
    assert "YWNjb3VudD" not in shown


async def test_a_refused_request_says_why(open_page: Open, api: Api) -> None:
    """A request that is refused as a whole shows the reason, in the list and in the details."""
    page = await open_page("requests")
    await api.call("POST", "/import", body=b"[", authorization=None)
    await api.call("POST", "/track", body=b"[")
    await wait_lines(page, 2, "requests")
    newest, older = await lines(page, "requests")
    assert "malformed JSON" in newest
    assert "credentials are required" in older
    await page.click("#requests-list .line >> text=401")
    await page.wait_for_selector("#view-requests .reason:has-text('credentials are required')")


async def test_every_fault_can_be_switched_on(open_page: Open, emulator: Emulator) -> None:
    """Each kind that the page offers is one that the server knows."""
    page = await open_page("controls")
    kinds = await page.locator("#fault-kind option").evaluate_all("(options) => options.map((one) => one.value)")
    for number, kind in enumerate(kinds, 1):
        await page.select_option("#fault-kind", kind)
        await page.click("text=Switch on")
        await page.wait_for_function("(n) => document.querySelectorAll('.armed li').length === n", arg=number)
    assert [fault.kind for fault in emulator.faults.pending()] == kinds


async def test_limits_are_changed(open_page: Open, api: Api) -> None:
    """A limit that is changed is in force; an empty field means no limit; what is refused says why."""
    page = await open_page("controls")
    await page.wait_for_selector("#limit-events_per_minute")
    shown = await page.locator("#limit-form input").evaluate_all("(all) => all.map((one) => one.id.slice(6)).sort()")
    assert shown == sorted(name for name in Limits.__struct_fields__)
    await page.fill("#limit-events_per_minute", "1")
    await page.click("text=Change the limits")
    await page.wait_for_selector("text=The limits are changed.")
    assert (await api.import_events([event(0), event(1)])).status == 429
    assert await page.input_value("#limit-query_per_hour") == ""
    await page.fill("#limit-events_per_minute", "")
    await page.click("text=Change the limits")
    async with page.expect_response("**/_admin/limits"):
        await page.click("text=Change the limits")
    assert (await api.import_events([event(0), event(1)])).status == 200


async def test_reset_asks_and_empties(open_page: Open, api: Api) -> None:
    """Reset asks first: Cancel, which has the focus, keeps everything; the other button deletes everything."""
    await api.import_events([event(0), event(1, time=...)])
    page = await open_page("controls")
    await page.wait_for_selector("#count-events:has-text('1')")
    await page.click("#reset")
    assert await page.evaluate("document.activeElement.id") == "question-no"
    assert "1 event " in await text_of(page, "#question-text")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("dialog[open]", state="detached")
    assert len(await api.emulator.events()) == 1
    await page.click("#reset")
    await page.click("#question-yes")
    await page.wait_for_selector("text=Everything is deleted.")
    await page.wait_for_function("() => document.getElementById('count-events').textContent === ''")
    assert await api.emulator.events() == []
    await page.click("nav a[href='#events']")
    await wait_lines(page, 0)
    await page.wait_for_selector("text=No events yet.")


async def test_files_are_dropped(open_page: Open, emulator: Emulator, tmp_path: pathlib.Path) -> None:
    """A file that is dropped on the page is stored, and the page says what became of it."""
    page = await open_page()
    transfer = await page.evaluate_handle(
        """(text) => { const data = new DataTransfer();
            data.items.add(new File([text], "seed.ndjson")); return data; }""",
        SEED,
    )
    await page.dispatch_event("body", "dragenter", {"dataTransfer": transfer})
    assert await page.is_visible("#drop")
    await page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    await page.wait_for_selector("text=seed.ndjson: 2 events and 0 profile updates stored, 1 record rejected")
    assert len(await emulator.events()) == 2
    (tmp_path / "seed.ndjson").write_text(SEED)
    await page.set_input_files("#seed-files", tmp_path / "seed.ndjson")
    await page.wait_for_selector("#count-events:has-text('4')")
    assert len(await emulator.deduplicated_events()) == 2


async def test_a_chart_is_drawn(open_page: Open, api: Api) -> None:
    """The report of an event is drawn from the query endpoint: a line for each segment, bars and a table."""
    plans = ["pro", "pro", "free"]
    await api.import_events(
        [event(number, plan=plan, time=NOON + number * 86_400) for number, plan in enumerate(plans)]
    )
    page = await open_page("reports")
    await page.wait_for_selector("svg.chart .series-0", state="attached")
    await page.select_option("#report-on", "plan")
    await page.wait_for_selector("svg.chart .series-1", state="attached")
    assert await page.locator(".bars li").all_inner_texts() == ["pro\n2", "free\n1"]
    await page.click("summary")
    rows = await page.locator(".values tbody tr").all_inner_texts()
    assert [row.split() for row in rows] == [
        ["2025-10-09", "1", "0"],
        ["2025-10-10", "1", "0"],
        ["2025-10-11", "0", "1"],
    ]
    await page.hover("svg.chart")
    assert "2025-10-10: pro 1, free 0" in await text_of(page, ".told")


async def test_profiles_and_groups(open_page: Open, api: Api) -> None:
    """Profiles of users and groups are listed, found by text and shown whole, and new ones appear."""
    await api.post_json("/engage", {"$token": "t", "$distinct_id": "user-1", "$set": {"plan": "pro"}})
    page = await open_page("profiles")
    await wait_lines(page, 1, "profiles")
    await api.post_json("/groups", {"$token": "t", "$group_key": "company", "$group_id": "acme", "$set": {"seats": 5}})
    await wait_lines(page, 2, "profiles")
    await page.fill("#filter-profiles", "seats")
    await wait_lines(page, 1, "profiles")
    await page.click("#profiles-list .line")
    await page.wait_for_selector("#view-profiles pre")
    assert '"seats": 5' in await text_of(page, "#view-profiles pre")


ATTACKS = [
    "<img src=x onerror=\"document.body.dataset.hit='1'\">",
    "<script>document.body.dataset.hit='1'</script>",
    '"><svg onload="document.body.dataset.hit=\'1\'">',
    "javascript:document.body.dataset.hit='1'",
    "${document.body.dataset.hit='1'}",
    "__proto__",
    "</pre><h1>hit",
]


async def test_nothing_that_is_sent_can_run(open_page: Open, api: Api) -> None:
    """Markup in names, values, IDs, paths, headers and messages is shown as text, everywhere."""
    records: list[dict[str, Any]] = [event(n, text, distinct_id=text, **{text: text}) for n, text in enumerate(ATTACKS)]
    await api.import_events(records)
    await api.import_events([event(0, text, **{text: "x", "time": text}) for text in ATTACKS])
    await api.import_events([event(0, text, **{"$insert_id": text}) for text in ATTACKS])
    for text in ATTACKS:
        await api.post_json("/engage", {"$token": "t", "$distinct_id": text, "$set": {text: text}})
        await api.post_json("/groups", {"$token": "t", "$group_key": text, "$group_id": text, "$set": {text: text}})
        await api.call("GET", "/" + text, query={text: text}, headers={"X-Text": text})
    await api.post_json("/_admin/faults", {"path": ATTACKS[0], "kind": "status"})
    page = await open_page()
    for section in ("events", "rejected", "requests", "profiles"):
        await page.click(f"nav a[href='#{section}']")
        await page.wait_for_selector(f"#{section}-list .line")
        await page.focus(f"#{section}-list")
        for _ in range(len(ATTACKS)):
            await page.keyboard.press("ArrowDown")
            await page.wait_for_selector(f"#view-{section} h2")
    await page.click("nav a[href='#reports']")
    await page.wait_for_selector("svg.chart")
    await page.select_option("#report-event", ATTACKS[0])
    await page.select_option("#report-on", ATTACKS[0])
    await page.wait_for_selector(".bars .name:has-text('onerror')")
    await page.click("nav a[href='#controls']")
    assert await page.evaluate("document.body.dataset.hit") is None
    assert await page.locator("img, iframe, object, main script, main h1").count() == 0


async def test_the_keyboard_is_enough(open_page: Open, api: Api) -> None:
    """Tab reaches the sections, filters and list in order; arrows, Home, End and Escape move in the list."""
    await api.import_events([event(number) for number in range(100)])
    page = await open_page()
    await page.wait_for_selector(LINE)
    reached = []
    for _ in range(12):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate("document.activeElement.id || document.activeElement.hash || 'skip'"))
    assert reached == [
        "#main", "#events", "#rejected", "#requests", "#profiles", "#reports", "#controls",
        "filter-event", "filter-distinct_id", "filter-text", "filter-clear", "events-list",
    ]  # fmt: skip
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    for key, place in (("ArrowDown", 1), ("ArrowDown", 2), ("End", 100), ("ArrowUp", 99), ("Home", 1)):
        await page.keyboard.press(key)
        await page.wait_for_function(
            """(place) => { const list = document.getElementById("events-list");
                const line = document.getElementById(list.getAttribute("aria-activedescendant"));
                return line?.getAttribute("aria-posinset") === String(place)
                    && line.getAttribute("aria-selected") === "true"; }""",
            arg=place,
        )
    await page.wait_for_selector("#view-events h2")
    await page.keyboard.press("Escape")
    await page.wait_for_selector("text=Choose an event to see it whole.")


async def test_reading_is_not_disturbed(open_page: Open, api: Api) -> None:
    """While a line is chosen, the list stays; a button says what is new, and shows it."""
    await api.import_events([event(0)])
    page = await open_page()
    await page.click(LINE)
    await api.import_events([event(1), event(2)])
    await page.wait_for_selector(".fresh:has-text('2 new events: show')")
    assert len(await lines(page)) == 1
    await page.click("#view-events .fresh")
    await wait_lines(page, 3)


async def test_a_narrow_screen(open_page: Open, api: Api) -> None:
    """On a narrow screen nothing is cut off; the chosen event takes the place of the list, and Escape leads back."""
    await api.import_events([event(0), event(1)])
    page = await open_page()
    await page.set_viewport_size({"width": 390, "height": 780})
    for section in ("rejected", "requests", "profiles", "reports", "controls", "events"):
        await page.click(f"nav a[href='#{section}']")
        assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await page.focus("#events-list")
    await page.keyboard.press("ArrowDown")
    await page.wait_for_selector("#view-events h2")
    assert not await page.is_visible("#events-list")
    assert await page.evaluate("document.activeElement.textContent") == "Back to the list"
    await page.keyboard.press("Escape")
    await page.wait_for_selector("#events-list")
    assert await page.evaluate("document.activeElement.id") == "events-list"


async def test_landmarks_and_live_region(open_page: Open, api: Api) -> None:
    """There are landmarks, every control has a name, and what came is told once in a while, not each time."""
    page = await open_page("controls")
    for landmark in ("header", "nav[aria-label]", "main", "[role=status]"):
        assert await page.locator(landmark).count() >= 1
    unnamed = await page.evaluate(
        """[...document.querySelectorAll("input, select, button, [role=listbox]")].filter((one) =>
            !(one.labels?.length || one.getAttribute("aria-label") || one.textContent.trim())
            && !one.closest("dialog") && !one.hidden).map((one) => one.outerHTML)"""
    )
    assert unnamed == []
    await page.evaluate(
        """() => { window.told = []; new MutationObserver(() => window.told.push(
            document.getElementById("announcer").textContent)).observe(document.getElementById("announcer"),
            {childList: true, characterData: true, subtree: true}); }"""
    )
    for number in range(20):
        await api.import_events([event(number)])
    await page.wait_for_function("() => window.told.length > 0")
    assert len(await page.evaluate("window.told")) == 1


async def test_the_page_survives_a_new_start(open_page: Open, api: Api) -> None:
    """When the server ends, the page says so; when it runs again, the page shows what the new one has."""
    await api.import_events([event(0), event(1)])
    page = await open_page()
    await wait_lines(page, 2)
    await api.emulator.stop()
    await page.wait_for_selector("text=connection lost, trying again")
    async with Emulator(EmulatorSettings(port=int(api.emulator.url.rpartition(":")[2]))) as again:
        await Api(again, api.session).import_events([event(2)])
        await page.wait_for_selector("[data-state=open]")
        await page.wait_for_selector(LINE + ":has-text('user-2')")
        await wait_lines(page, 1)


async def test_a_burst_is_sampled(open_page: Open, api: Api) -> None:
    """When more comes than can be shown, the page says so; scrolling down shows every event, without a gap."""
    page = await open_page()
    for start in range(0, 6000, 2000):
        await api.import_events([event(number) for number in range(start, start + 2000)])
    await page.wait_for_selector("text=Records arrive faster than this list can show them.")
    await page.wait_for_selector("#count-events:has-text('6,000')")
    await page.wait_for_selector(LINE + ":has-text('user-5999')")
    await page.focus("#events-list")
    for _ in range(5):
        await page.keyboard.press("End")
        await page.wait_for_timeout(100)
    seen = await page.evaluate("document.querySelector('#events-list .line[aria-selected=true]').innerText")
    place = await page.evaluate("document.querySelector('#events-list .line[aria-selected=true]').ariaPosInSet")
    assert f"user-{6000 - int(place)}" in seen
    assert int(place) > 400


async def test_the_last_of_the_loaded_lines_is_reached(open_page: Open) -> None:
    """A line that was loaded just now is in sight when it is chosen at once, so that screen readers read it."""
    page = await open_page()
    chosen = await page.evaluate(
        """async () => {
            const { VirtualList } = await import("/_admin/page/list.js");
            const columns = [{ name: "A", cell: (row) => row.text }];
            const list = new VirtualList("test", { label: "Test", columns, keyOf: (row) => row.number, onSelect() {} });
            document.querySelector("#view-events .side").replaceChildren(list.node);
            const row = (number) => ({ number, text: `line ${number}` });
            const rows = (first) => Array.from({ length: 200 }, (_, n) => row(first + n));
            list.set(rows(0), true);
            list.paint();
            list.append(rows(200), false);
            list.select(399);
            list.paint();
            return document.getElementById(list.box.getAttribute("aria-activedescendant"))?.textContent;
        }"""
    )
    assert chosen == "line 399"


async def test_a_list_of_100_000_lines_is_fast(open_page: Open) -> None:
    """A list of 100,000 lines has under 100 of them in the document; most steps take under 16 ms of script."""
    page = await open_page()
    measured = await page.evaluate(
        """async () => {
            const { VirtualList } = await import("/_admin/page/list.js");
            const columns = [{ name: "A", cell: (row) => row.text }];
            const list = new VirtualList("test", { label: "Test", columns, keyOf: (row) => row.number, onSelect() {} });
            document.querySelector("#view-events .side").replaceChildren(list.node);
            const rows = Array.from({ length: 100000 }, (_, number) => ({ number, text: `line ${number}` }));
            const frame = () => new Promise(requestAnimationFrame);
            let most = 0;
            const taken = [];
            const timed = (act) => {
                const began = performance.now();
                act();
                taken.push(performance.now() - began);
            };
            timed(() => { list.set(rows, false); list.paint(); });
            const first = taken.pop();
            for (let step = 0; step < 100; step += 1) {
                timed(() => { list.box.scrollTop = step * 35000; list.paint(); });
                most = Math.max(most, list.space.childElementCount);
                if (step % 10 === 0) await frame();
            }
            for (let step = 0; step < 100; step += 1) {
                timed(() => { list.prepend([{ number: -1 - step, text: "new" }]); list.paint(); });
            }
            // The median, because other processes of the machine may take the processor away for a while.
            const usual = taken.sort((one, other) => one - other)[taken.length / 2];
            return { first, usual, most, height: list.space.offsetHeight };
        }"""
    )
    assert measured["height"] >= 3_600_000
    assert measured["most"] < 100
    assert measured["first"] < 500
    assert measured["usual"] < 16
