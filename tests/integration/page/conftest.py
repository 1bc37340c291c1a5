"""A local server, and its page in headless Chromium."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeAlias

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from mixpanel_async.emulator import Emulator
from tests.integration.emulator.api import Api

Open: TypeAlias = Callable[..., Awaitable[Page]]
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium() -> str | None:
    """Return the browser: MIXPANEL_ASYNC_TEST_CHROMIUM, or one that is installed."""
    named = os.environ.get("MIXPANEL_ASYNC_TEST_CHROMIUM")
    return named or next((found for name in _NAMES if (found := shutil.which(name))), None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("Chromium is not installed; install it, or name it in MIXPANEL_ASYNC_TEST_CHROMIUM")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def api(emulator: Emulator) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(emulator, session)


@pytest_asyncio.fixture(loop_scope="module")
async def open_page(browser: Browser, emulator: Emulator) -> AsyncIterator[Open]:
    """Opens the page; at the end, an error in a script or of the policy fails the test."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # A server that is stopped, or refuses on demand, is what some tests are about.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            errors.append(message.text)

    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)

    async def opened(section: str = "events", url: str | None = None) -> Page:
        page = await context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", note)
        page.on("dialog", lambda dialog: errors.append(f"a dialog: {dialog.message}"))
        await page.goto(f"{url or emulator.url}/#{section}")
        await page.wait_for_selector("[data-state=open]")
        return page

    yield opened
    await context.close()
    assert not errors
