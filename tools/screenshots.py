"""Takes screenshots of the local server's page over real events, to look at or for the documentation.

python -m tools.screenshots build/screenshots          # each section: light, dark and narrow
python -m tools.screenshots --documentation            # docs/images/local-server.png
"""

import argparse
import asyncio
import csv
import gzip
import pathlib
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
from playwright.async_api import Browser, Page, async_playwright

from mixpanel_async.emulator import Emulator, InjectedFault

ROOT: Final = pathlib.Path(__file__).parent.parent
BIRDS: Final = ROOT / "examples" / "data" / "birdstrikes.csv.gz"
DOCUMENTATION: Final = ROOT / "docs" / "images" / "local-server.png"
BATCH: Final = 1000
BATCHES: Final = 5
LOOKS: Final = (("light", 1280, 800), ("dark", 1280, 800), ("light", 390, 780))
SIGN_UPS: Final = [("ada", "pro"), ("grace", "free"), ("linus", "pro"), ("margaret", "team")]


def strikes() -> Iterator[dict[str, Any]]:
    """Return real events."""
    with gzip.open(BIRDS, "rt", encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            day = datetime.strptime(row.pop("Flight Date"), "%Y-%m-%d").replace(tzinfo=UTC)
            own = {
                "time": int(day.timestamp()),
                "distinct_id": row.pop("Airport Name"),
                "$insert_id": f"strike-{number}",
            }
            yield {"event": "Bird Strike", "properties": {**own, **{name: cell for name, cell in row.items() if cell}}}


async def fill(emulator: Emulator) -> None:
    """Send events, profiles, invalid records, and requests that fail."""
    found = strikes()
    headers = {"Authorization": aiohttp.encode_basic_auth("account", "secret")}
    async with aiohttp.ClientSession(emulator.url, headers=headers) as session:

        async def post(path: str, value: object) -> None:
            async with session.post(path, json=value) as reply:
                await reply.read()

        for _ in range(BATCHES):
            await post("/import?project_id=1&strict=1", [next(found) for _ in range(BATCH)])
        for name, plan in SIGN_UPS:
            own = {"token": "local", "distinct_id": name, "plan": plan, "source": "web", "seats": len(name)}
            await post("/track", {"event": "Signed Up", "properties": own})
            await post(
                "/engage", {"$token": "local", "$distinct_id": name, "$set": {"plan": plan, "$name": name.title()}}
            )
        paid = {"distinct_id": "ada", "$insert_id": "payment-1", "time": "yesterday", "amount": 12}
        await post("/import?project_id=1&strict=1", [{"event": "Paid", "properties": paid}, {"event": ""}])
        emulator.faults.add(InjectedFault(path="/track", kind="status", status=429))
        await post("/track", {"event": "Signed Up", "properties": {"token": "local", "distinct_id": "ken"}})
        emulator.faults.add(InjectedFault(path="/import", kind="reset_after", times=None))


async def shoot(page: Page, section: str, target: pathlib.Path, *, chosen: bool) -> None:
    """Open a section, choose a line where there is one, and take the screenshot."""
    await page.click(f"nav a[href='#{section}']")
    if section == "reports":
        await page.select_option("#report-on", "Wildlife Species")
        await page.wait_for_selector(".series-3", state="attached")
    elif section != "controls":
        await page.wait_for_selector(f"#{section}-list .line")
        if chosen:
            await page.click(f"#{section}-list .line >> nth=0")
            await page.wait_for_selector(f"#view-{section} h2")
    await page.screenshot(path=target)


async def all_sections(browser: Browser, url: str, folder: pathlib.Path) -> None:
    """Take a screenshot of each section in each look."""
    for scheme, width, height in LOOKS:
        context = await browser.new_context(
            color_scheme="dark" if scheme == "dark" else "light", viewport={"width": width, "height": height}
        )
        page = await context.new_page()
        await page.goto(url)
        await page.wait_for_selector("#events-list .line")
        for section in ("events", "rejected", "requests", "profiles", "reports", "controls"):
            await shoot(page, section, folder / f"{section}-{scheme}-{width}.png", chosen=section != "profiles")
        await context.close()


async def documentation(browser: Browser, url: str) -> None:
    """Take the screenshot of the documentation."""
    context = await browser.new_context(color_scheme="light", viewport={"width": 1240, "height": 620})
    page = await context.new_page()
    await page.goto(url)
    await page.wait_for_selector("#events-list .line")
    await shoot(page, "events", DOCUMENTATION, chosen=True)
    await context.close()


async def run(folder: pathlib.Path | None) -> None:
    """Fill a server, open its page and take the screenshots."""
    async with Emulator() as emulator, async_playwright() as playwright:
        await fill(emulator)
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        if folder is None:
            await documentation(browser, emulator.url)
        else:
            await all_sections(browser, emulator.url, folder)
        await browser.close()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=ROOT / "build" / "screenshots")
    parser.add_argument("--documentation", action="store_true")
    options = parser.parse_args()
    folder = None if options.documentation else options.folder
    (DOCUMENTATION.parent if folder is None else folder).mkdir(parents=True, exist_ok=True)
    asyncio.run(run(folder))


if __name__ == "__main__":
    main()
