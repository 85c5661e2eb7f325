"""A document as one HTML file."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from reports.document.blocks import Document, Paragraph, Section
from reports.document.html import html_page

STILLS = {"chart": "data:image/png;base64,AAAA"}


class Page(HTMLParser):
    """What a browser makes of a page: its elements, texts outside scripts, and scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self._inside: tuple[str, dict[str, str | None]] = ("", {})
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = (tag, dict(attrs))
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._inside = ("", {})

    def handle_data(self, data: str) -> None:
        if self._inside[0]:
            attributes, before = self.scripts[-1]
            self.scripts[-1] = (attributes, before + data)
        else:
            self.words.append(data)

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.elements if name == tag and attributes.items() <= found.items()]


@pytest.fixture(scope="module")
def page(document: Document) -> Page:
    return Page(html_page(document, STILLS))


@pytest.fixture(scope="module")
def hostile_page(hostile_document: Document) -> Page:
    return Page(html_page(hostile_document, STILLS))


def test_a_hostile_text_adds_no_element_and_is_shown_as_text(page: Page, hostile_page: Page, hostile: str) -> None:
    def names(one: Page) -> list[str]:
        return [tag for tag, _ in one.elements if tag != "wbr"]

    assert names(hostile_page) == names(page)
    shown = hostile.replace("\u202e", "\\u202e")
    assert "".join(hostile_page.words).count(shown) >= 15
    assert hostile_page.all("div", role="img")[0]["aria-label"] == shown


def test_the_policy_names_the_hash_of_every_script_and_allows_no_request(page: Page) -> None:
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"] or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy.split("script-src")[1].split(";")[0]
    assert "http" not in policy
    running = [text for (tag, attributes), text in _scripts(page) if attributes.get("type") is None]
    assert len(running) == 3
    for text in running:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def _scripts(page: Page) -> list[tuple[tuple[str, dict[str, str | None]], str]]:
    elements = [(tag, attributes) for tag, attributes in page.elements if tag in ("script", "style")]
    return [
        (element, text) for element, (_, text) in zip(elements, page.scripts, strict=True) if element[0] == "script"
    ]


def test_plotly_is_there_once_and_only_where_there_are_charts(document: Document) -> None:
    assert html_page(document, STILLS).count("plotly.js v") == 1
    bare = html_page(Document("t", "s", [Section("a", "a", [Paragraph("text")])]), {})
    assert "plotly.js v" not in bare
    assert len(bare) < 100_000


def test_data_in_a_script_cannot_close_it_and_reads_back(hostile_page: Page, hostile: str) -> None:
    data = [text for (_, attributes), text in _scripts(hostile_page) if attributes.get("type") == "application/json"]
    assert all(not re.search("[<>&\u2028\u2029]", text) for text in data)
    figure = json.loads(data[0])
    assert figure["data"][0]["name"].startswith("&lt;/script&gt;&lt;script&gt;alert")


def test_nothing_in_the_page_refers_to_another_file(hostile_page: Page) -> None:
    for tag, attributes in hostile_page.elements:
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (tag, value)


def test_tables_tell_their_headings_missing_values_and_order(page: Page) -> None:
    assert page.all("th", scope="col", **{"class": "number"})
    assert page.all("th", scope="row")
    assert page.all("span", role="img", **{"aria-label": "missing"})
    assert page.all("td", **{"data-number": "33.12"})
    assert page.all("tr", **{"class": "highlighted"})
    assert page.all("div", role="region", tabindex="0")
    words = "".join(page.words)
    assert "[31.90, 33.90]" in words
    assert "1 more row is in tables/table.csv and .parquet." in words
    assert "No rows" in words


def test_every_chart_and_picture_has_a_text_alternative(page: Page) -> None:
    assert all(image["alt"] for image in page.all("img"))
    assert page.all("div", role="img")[0]["aria-label"] == "plain words"
    assert page.all("details", **{"class": "alternative"})


def test_contents_lead_to_every_section(page: Page) -> None:
    assert page.all("a", href="#answer")
    assert page.all("h2", id="answer")


def test_the_same_document_gives_the_same_page(document: Document) -> None:
    assert html_page(document, STILLS) == html_page(document, STILLS)


def test_an_endless_text_in_a_table_is_folded(make_blocks: object) -> None:
    blocks = make_blocks("n" * 10_000)  # type: ignore[operator]
    folded = Page(html_page(Document("t", "s", [Section("a", "a", [blocks[4]])]), {}))
    assert folded.all("details", **{"class": "long"})
