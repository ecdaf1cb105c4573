"""The pages as they are served: what a browser may do on them, what it may keep, and in which language."""

import gzip
import re

import pytest

from ingress import site
from tests.ingress.conftest import Client
from tests.ingress.fakes import FakeViews
from tests.ingress.samples import menu

PAGES = ["/", "/?r=r1", "/painel/r1"]


@pytest.fixture(autouse=True)
def restaurant(views: FakeViews) -> None:
    """The restaurant `r1`, called Bar do Zé."""
    views.show("r1", menu([]))


@pytest.mark.parametrize(
    "path", [*PAGES, "/painel/gone", "/sw.js", f"/web/{site.load().version}/customer.js"]
)
async def test_a_browser_may_load_from_here_only_and_run_nothing_inline(client: Client, path: str) -> None:
    """Strict policy without 'unsafe-…', no sniffing, no frames, no referrer: on pages, files and what is not found."""
    answer = await client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_has_nothing_inline_and_names_only_files_that_are_there(
    client: Client, path: str
) -> None:
    """What the policy would refuse is not even sent; every address on the page is ours and answers."""
    text = await (await client.get(path)).text()
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:|https?://", text)
    files = set(re.findall(r'(?:href|src)="(/web/[^"]+)"', text))
    assert len(files) > 8
    for file in files:
        answer = await client.get(file)
        assert answer.status == 200 and "immutable" in answer.headers["Cache-Control"], file


@pytest.mark.parametrize("page", ["customer", "board"])
def test_a_page_weighs_less_than_100_kb_in_all(page: str) -> None:
    """On a phone in a crowd: also unzipped."""
    files = site.load()
    names = [*files.modules(f"{page}.js"), "base.css", f"{page}.css", "icon.svg"]
    total = len(files.page(page, "pt-BR", "r1", "Bar")) + sum(len(files.files[name].body) for name in names)
    assert 20_000 < total < 100_000


async def test_a_page_names_every_module_that_it_needs(client: Client) -> None:
    """All are asked for at once: none is found out about only when another has come."""
    text = await (await client.get("/painel/r1")).text()
    loaded = set(re.findall(r'modulepreload" href="/web/\w+/([\w.-]+)"', text))
    needed = {"board.js", "feed.js", "kitchen.js", "texts.js", "chart.js", "backoff.js"}
    assert needed <= loaded and "track-view.js" not in loaded


@pytest.mark.parametrize(
    ("accepted", "language", "said"),
    [("", "pt-BR", "Ir para o conteúdo"), ("en-GB,pt;q=0.5", "en", "Skip to the content")],
)
async def test_a_page_speaks_the_readers_language(
    client: Client, accepted: str, language: str, said: str
) -> None:
    """By Accept-Language; a cache keeps the two apart."""
    answer = await client.get("/", headers={"Accept-Language": accepted})
    text = await answer.text()
    assert f'<html lang="{language}">' in text and said in text
    assert answer.headers["Content-Language"] == language and "Accept-Language" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/?r=r1", "/painel/r1"])
async def test_a_page_says_whose_it_is(client: Client, path: str) -> None:
    """Before any script runs."""
    answer = await client.get(path)
    text = await answer.text()
    assert answer.status == 200 and 'data-name="Bar do Zé"' in text and "<title>Bar do Zé · " in text


@pytest.mark.parametrize("path", ["/?r=gone", "/painel/gone"])
async def test_the_page_of_nobody_is_a_page_and_404(client: Client, path: str) -> None:
    """A person gets a page that says so, a machine the status."""
    answer = await client.get(path)
    assert answer.status == 404 and answer.content_type == "text/html"


async def test_a_page_comes_even_while_the_views_do_not_answer(client: Client, views: FakeViews) -> None:
    """It then says itself that the menu is away, and tries again."""
    views.down = True
    assert (await client.get("/?r=unseen")).status == 200


async def test_what_the_address_says_is_text_and_never_markup(client: Client) -> None:
    """No reflected script: quotes and brackets are escaped."""
    text = await (await client.get("/", params={"r": '"><script>alert(1)</script>'})).text()
    assert "<script>alert" not in text and "&lt;script&gt;" in text


async def test_a_page_that_is_had_is_not_sent_again(client: Client) -> None:
    """Each visit asks, and mostly gets 304: a new version is seen at once."""
    first = await client.get("/")
    again = await client.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert first.headers["Cache-Control"] == "no-cache" and again.status == 304 and not await again.read()


async def test_a_file_of_another_version_is_served_but_not_kept(client: Client) -> None:
    """While processes are replaced one by one, a page may name files of a version that this one does not have."""
    answer = await client.get("/web/other/base.css")
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["nothing.js", "..%2f__init__.py", "customer.html", "texts.json"])
async def test_only_files_for_browsers_are_served(client: Client, name: str) -> None:
    """The package holds more than that."""
    answer = await client.get(f"/web/{site.load().version}/{name}")
    assert answer.status == 404 and answer.content_type == "application/problem+json"


async def test_files_are_zipped_for_who_takes_it(client: Client) -> None:
    """The same bytes either way."""
    path = f"/web/{site.load().version}/texts.js"
    plain = await client.get(path, headers={"Accept-Encoding": "identity"})
    zipped = await client.get(path, headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert await zipped.read() == await plain.read()  # the client unzips
    assert len(gzip.compress(await plain.read())) < 10_000
