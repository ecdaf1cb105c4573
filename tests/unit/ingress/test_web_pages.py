"""The web pages: what browsers may do with them and cache, and their language."""

import gzip
import re

import pytest

from ingress.web import assets
from tests.support.ingress.fakes import FakeViews
from tests.support.ingress.samples import menu
from tests.unit.ingress.conftest import Client

PAGES = ["/", "/?r=r1", "/painel/r1"]


@pytest.fixture(autouse=True)
def restaurant(views: FakeViews) -> None:
    """The restaurant `r1`, named Bar do Zé."""
    views.show("r1", menu([]))


@pytest.mark.parametrize(
    "path", [*PAGES, "/painel/gone", "/sw.js", f"/web/{assets.load().version}/customer.js"]
)
async def test_strict_security_policy(client: Client, path: str) -> None:
    """No inline code, sniffing, frames or referrer: on pages, files and 404."""
    answer = await client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES)
async def test_page_has_no_inline_code_and_no_dead_links(client: Client, path: str) -> None:
    """The policy would block inline code; every file that the page names exists."""
    text = await (await client.get(path)).text()
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:|https?://", text)
    files = set(re.findall(r'(?:href|src)="(/web/[^"]+)"', text))
    assert len(files) > 8
    for file in files:
        answer = await client.get(file)
        assert answer.status == 200 and "immutable" in answer.headers["Cache-Control"], file


@pytest.mark.parametrize("page", ["customer", "board"])
def test_page_is_below_100_kb(page: str) -> None:
    """On a phone in a crowd: uncompressed, with all its files."""
    files = assets.load()
    names = [*files.imported_modules(f"{page}.js"), "base.css", f"{page}.css", "icon.svg"]
    total = len(files.page(page, "pt-BR", "r1", "Bar")) + sum(len(files.files[name].body) for name in names)
    assert 20_000 < total < 100_000


async def test_page_preloads_its_modules(client: Client) -> None:
    """The browser loads all at once, in place of one after the other."""
    text = await (await client.get("/painel/r1")).text()
    loaded = set(re.findall(r'modulepreload" href="/web/\w+/([\w.-]+)"', text))
    needed = {"board.js", "feed.js", "kitchen.js", "texts.js", "chart.js", "backoff.js"}
    assert needed <= loaded and "track-view.js" not in loaded


@pytest.mark.parametrize(
    ("accepted", "language", "expected"),
    [("", "pt-BR", "Ir para o conteúdo"), ("en-GB,pt;q=0.5", "en", "Skip to the content")],
)
async def test_page_follows_accept_language(
    client: Client, accepted: str, language: str, expected: str
) -> None:
    """A cache keeps the languages apart."""
    answer = await client.get("/", headers={"Accept-Language": accepted})
    text = await answer.text()
    assert f'<html lang="{language}">' in text and expected in text
    assert answer.headers["Content-Language"] == language and "Accept-Language" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/?r=r1", "/painel/r1"])
async def test_page_names_its_restaurant(client: Client, path: str) -> None:
    """Before any script runs."""
    answer = await client.get(path)
    text = await answer.text()
    assert answer.status == 200 and 'data-name="Bar do Zé"' in text and "<title>Bar do Zé · " in text


@pytest.mark.parametrize("path", ["/?r=gone", "/painel/gone"])
async def test_page_of_unknown_restaurant_is_404(client: Client, path: str) -> None:
    """A person gets a page, a program the status."""
    answer = await client.get(path)
    assert answer.status == 404 and answer.content_type == "text/html"


async def test_page_without_views_is_200(client: Client, views: FakeViews) -> None:
    """The page itself says that the menu is unavailable, and retries."""
    views.down = True
    assert (await client.get("/?r=unseen")).status == 200


async def test_address_is_escaped(client: Client) -> None:
    """No reflected script: quotes and brackets are escaped."""
    text = await (await client.get("/", params={"r": '"><script>alert(1)</script>'})).text()
    assert "<script>alert" not in text and "&lt;script&gt;" in text


async def test_known_page_is_304(client: Client) -> None:
    """Each visit revalidates, so that a new version is seen at once."""
    first = await client.get("/")
    again = await client.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert first.headers["Cache-Control"] == "no-cache" and again.status == 304 and not await again.read()


async def test_file_of_another_version_is_not_cached(client: Client) -> None:
    """While processes are replaced one by one, a page may name files of another version."""
    answer = await client.get("/web/other/base.css")
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.js", "..%2f__init__.py", "customer.html", "texts.json"])
async def test_only_files_for_browsers_are_served(client: Client, name: str) -> None:
    """The package contains other files."""
    answer = await client.get(f"/web/{assets.load().version}/{name}")
    assert answer.status == 404 and answer.content_type == "application/problem+json"


async def test_files_are_compressed_on_request(client: Client) -> None:
    """The content is the same either way."""
    path = f"/web/{assets.load().version}/texts.js"
    plain = await client.get(path, headers={"Accept-Encoding": "identity"})
    zipped = await client.get(path, headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert await zipped.read() == await plain.read()  # the client unzips
    assert len(gzip.compress(await plain.read())) < 10_000


#: As Chrome sends it for an address that a person types.
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/painel", "/qualquer", "/gestao/x"])
async def test_unknown_address_shows_a_browser_a_page(client: Client, path: str) -> None:
    """In the reader's language, with a way to the promotions, and as strict as the other pages."""
    answer = await client.get(path, headers=BROWSER)
    text = await answer.text()
    assert answer.status == 404 and answer.headers["Content-Type"].startswith("text/html")
    assert "Página não encontrada" in text and '<a href="/">' in text and "<script" not in text
    assert answer.headers["Vary"] == "Accept, Accept-Language"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    english = await client.get(path, headers=BROWSER | {"Accept-Language": "en"})
    assert "Page not found" in await english.text() and english.headers["Content-Language"] == "en"
    for file in re.findall(r'(?:href|src)="(/web/[^"]+)"', text):
        assert (await client.get(file)).status == 200


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html;q=0.5,application/json", ""])
async def test_unknown_address_answers_programs_with_json(client: Client, accept: str) -> None:
    """A program that does not prefer HTML gets the problem."""
    answer = await client.get("/qualquer", headers={"Accept": accept})
    assert answer.status == 404 and answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Vary"] == "Accept, Accept-Language"


async def test_only_addresses_without_a_route_show_the_page(client: Client) -> None:
    """An unknown restaurant of the API is a problem, whatever is accepted; so is a POST."""
    for method, path in (("GET", "/v1/restaurants/gone/menu"), ("POST", "/qualquer")):
        answer = await client.request(method, path, headers=BROWSER)
        assert answer.status == 404 and answer.headers["Content-Type"] == "application/problem+json"


def test_each_trusted_types_policy_is_made_once() -> None:
    """The page admits no second policy of one name: one that was made at each click made the second click fail."""
    scripts = [file.body.decode() for name, file in assets.load().files.items() if name.endswith(".js")]
    lines = [line for script in scripts for line in script.splitlines() if "createPolicy(" in line]
    names = [re.findall(r"createPolicy\('(\w+)'", line)[0] for line in lines]
    assert names and len(set(names)) == len(names)
    assert all(line.startswith("const ") for line in lines), "made inside a function"
