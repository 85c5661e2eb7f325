"""A document as Markdown of GitHub's flavour, its figures in files beside it."""

import html
import re
from collections.abc import Sequence
from itertools import chain

from reports.charts.chart import Chart
from reports.charts.study_chart import StudyChart
from reports.document.blocks import Block, Commands, Details, Document, Paragraph, PictureRow, Table
from reports.document.cells import Row, hidden_rows, numeric_columns, shown_rows
from reports.document.figure_files import picture_file
from reports.plain_text import MISSING, in_one_line, visible

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~&^]")
_AT_LINE_START = re.compile(r"^(#{1,6}(?=\s|$)|[-+=](?=[\s=-]|$)|\d{1,9}(?=[.)](?:\s|$)))")
_ADDRESS = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp)(?=:)|\bwww(?=\.)")


def markdown_text(document: Document) -> str:
    """Write a document as Markdown.

    Args:
        document: The document. Its charts and pictures are linked as `figures/NAME.png`.

    Returns:
        The text, which ends with a line feed. All texts of the document are escaped and show as they are.
    """
    parts = [f"# {escaped(document.title)}", escaped(document.subtitle)]
    for section in document.sections:
        parts += [f'<a id="{html.escape(section.name)}"></a>', f"## {escaped(section.title)}", *_blocks(section.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """Escape a text so that a reader of the Markdown sees just that, in one line."""
    line = _SPECIAL.sub(lambda match: f"\\{match[0]}", in_one_line(text))
    line = _ADDRESS.sub(lambda match: f"{match[0]}<span></span>", line)
    line = _AT_LINE_START.sub(lambda match: f"{match[0]}\\" if match[0].isdigit() else f"\\{match[0]}", line)
    return line.replace("$", "<span>$</span>")


def _blocks(blocks: Sequence[Block]) -> list[str]:
    return list(chain.from_iterable(map(_block, blocks)))


def _block(block: Block) -> list[str]:
    match block:
        case Paragraph():
            return [_paragraph(block)]
        case Table():
            return _table(block)
        case Chart() | StudyChart():
            image = f"![{escaped(block.alternative)}](figures/{block.name}.png)"
            return [f"### {escaped(block.title)}", image]
        case PictureRow():
            pictures = [
                [f"![{escaped(picture.alternative)}](figures/{picture_file(block, number)})", escaped(picture.caption)]
                for number, picture in enumerate(block.pictures, start=1)
            ]
            return [f"### {escaped(block.title)}", *chain.from_iterable(pictures)]
        case Commands():
            return [f"**{escaped(block.title)}**", _fenced(block.text)]
        case Details():
            summary = html.escape(in_one_line(block.summary))
            return [f"<details>\n<summary>{summary}</summary>", *_blocks(block.blocks), "</details>"]


def _paragraph(paragraph: Paragraph) -> str:
    text = escaped(paragraph.text)
    match paragraph.kind:
        case "lead":
            return f"**{text}**" if text else ""
        case "warning":
            return f"> [!WARNING]\n> {text}"
        case "note":
            return f"<sub>{text}</sub>"
        case "normal":
            return text


def _table(table: Table) -> list[str]:
    rows = list(shown_rows(table))
    numeric = numeric_columns(table, rows)
    lines = [
        _line([escaped(column.heading) for column in table.columns]),
        _line(["---:" if one else ":---" for one in numeric]),
        *(_line(_row(row)) for row in rows),
    ]
    title = f"### {escaped(table.title)}"
    return [title, "\n".join(lines), escaped(hidden_rows_note(table)).replace("\\_", "_")]


def hidden_rows_note(table: Table) -> str:
    """Say how many rows of a table are not shown and where its data is."""
    files = f"tables/{table.name}.csv and .parquet"
    hidden = hidden_rows(table)
    if not hidden:
        return f"Data: {files}."
    return f"{hidden:,} more {'row is' if hidden == 1 else 'rows are'} in {files}."


def _row(row: Row) -> list[str]:
    texts = [
        escaped(" ".join(filter(None, (MISSING if cell.text is None else cell.text, cell.interval))))
        for cell in row.cells
    ]
    return [f"**{text}**" for text in texts] if row.highlighted else texts


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _fenced(text: str) -> str:
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{visible(text).rstrip()}\n{fence}"
