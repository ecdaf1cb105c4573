"""A real browser: Chromium as the system has it."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
#: Why there is none, and what to do about it.
MISSING = "no Chromium was found: apt-get install chromium, or name one in PROMO_TEST_BROWSER"
#: A phone as most customers hold it.
PHONE = {"width": 390, "height": 844}


def find() -> str | None:
    """Return the path of a Chromium; None where there is none."""
    given = os.environ.get("PROMO_TEST_BROWSER")
    return given or next((path for path in map(shutil.which, NAMES) if path), None)


@asynccontextmanager
async def running() -> AsyncIterator[Browser]:
    """Run the browser, without its own sandbox: tests may run as root."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        yield browser
        await browser.close()


class Visitor:
    """A person with a browser of their own: its errors and violations are `complaints`, its requests `addresses`."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.context = context
        self.page = page
        self.complaints: list[str] = []
        self.addresses: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._note(message.text))
        page.on("request", lambda request: self.addresses.append(request.url))
        page.on("websocket", lambda socket: self.addresses.append(socket.url))

    def _note(self, text: str) -> None:
        if "Content Security Policy" in text or "Trusted" in text:
            self.complaints.append(text)


@asynccontextmanager
async def visitor(browser: Browser, **options: object) -> AsyncIterator[Visitor]:
    """Open a context of its own: a phone in pt-BR, unless `options` say otherwise."""
    wanted = {"viewport": PHONE, "locale": "pt-BR", "timezone_id": "America/Recife"} | options
    context = await browser.new_context(**wanted)  # type: ignore[arg-type]
    context.set_default_timeout(10_000)
    try:
        yield Visitor(context, await context.new_page())
    finally:
        await context.close()
