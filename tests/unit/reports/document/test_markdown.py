"""A document as Markdown."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reports.document.blocks import Document, Paragraph, Section
from reports.document.markdown import escaped, markdown_text
from reports.plain_text import in_one_line

PARSER = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def read(text: str) -> str:
    """What a reader of Markdown sees, empty elements left out."""
    inline = PARSER.parseInline(text)[0].children or []
    assert {token.type for token in inline} <= {"text", "text_special", "html_inline"}
    assert {token.content for token in inline if token.type == "html_inline"} <= {"<span>", "</span>"}
    return "".join(token.content for token in inline if token.type != "html_inline")


@given(st.text(alphabet="ab `*_[]()<>|~&#$\\!-+=1.:/\n\"'@^{}", max_size=40))
def test_a_reader_sees_any_text_as_it_is(text: str) -> None:
    assert read(escaped(text)) == in_one_line(text)
    blocks = [token.type for token in PARSER.parse(escaped(text))]
    assert blocks in ([], ["paragraph_open", "inline", "paragraph_close"])


@pytest.mark.parametrize("address", ["https://evil.example", "www.evil.example", "see HTTP://x.y", "mailto:a"])
def test_an_address_is_no_link(address: str) -> None:
    assert not re.search(r"(?i)(https?:|www\.|mailto:)", escaped(address))
    assert read(escaped(address)) == address


def test_a_table_keeps_its_shape_whatever_its_cells_hold(hostile_document: Document) -> None:
    html = PARSER.render(markdown_text(hostile_document))
    assert html.count("<table>") == 2
    assert html.count("<td") == 4
    assert "33.12 [31.90, 33.90]" in html
    assert '<td style="text-align:right"><strong>33.12' in html


def test_nothing_of_a_hostile_text_becomes_html(hostile_document: Document) -> None:
    html = PARSER.render(markdown_text(hostile_document))
    assert "<script" not in html
    assert "<b>" not in html
    assert "evil.example" in html
    assert 'href="https://evil' not in html


def test_every_kind_of_block_is_there(document: Document) -> None:
    text = markdown_text(document)
    for part in (
        "# A sweep\n",
        "## The answer\n",
        "**plain words**",
        "> [!WARNING]\n> plain words",
        "| **plain words** | **33.12 \\[31.90, 33.90\\]** |",
        "1 more row is in tables/table.csv and .parquet.",
        "![plain words](figures/chart.png)",
        "![plain words](figures/pictures_1.png)",
        "```\npython -m trainable train\nplain words\n```",
        "<details>\n<summary>plain words</summary>\n\n",
    ):
        assert part in text
    assert text == markdown_text(document)


def test_a_fence_is_longer_than_any_in_the_commands(hostile_document: Document) -> None:
    from reports.document.blocks import Commands

    commands = Commands("c", "a\n````\nb")
    html = PARSER.render(markdown_text(Document("t", "s", [Section("a", "a", [commands, Paragraph("after")])])))
    assert "<pre><code>a\n````\nb\n</code></pre>\n<p>after</p>" in html
