"""A document as one HTML file that opens offline and asks nobody for anything."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from reports.charts.chart import Chart
from reports.charts.page import page_figure, plots_side_by_side, template
from reports.charts.palette import dark_colours
from reports.charts.study_chart import StudyChart
from reports.document.blocks import Commands, Details, Document, Paragraph, PictureRow, Table
from reports.document.cells import numeric_columns, shown_rows
from reports.document.figure_files import data_uri
from reports.document.markdown import hidden_rows_note
from reports.plain_text import visible

_UNSAFE_IN_SCRIPT = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
_LONG = 160
"""Characters of a text that is folded from here on."""

_UNBROKEN = 24
"""Characters of a word that stays in one line where there is room for it."""

_SHORT = 20
"""Characters that a table's cell holds in one line."""

_KINDS: Mapping[type, str] = {
    Paragraph: "paragraph",
    Table: "table",
    Chart: "chart",
    StudyChart: "chart",
    Commands: "commands",
    PictureRow: "pictures",
    Details: "details",
}


def html_page(document: Document, stills: Mapping[str, str]) -> str:
    """Write a document as one HTML file; the same document gives the same bytes.

    The file holds all it needs, Plotly once. Its policy lets no request leave and runs its own scripts only, which it
    names by their hashes. Charts are interactive, and stills of them stand in print and where no script runs.

    Args:
        document: The document.
        stills: Name of each chart to a picture of it, as a data URI.

    Returns:
        The page.
    """
    environment = Environment(
        loader=PackageLoader("reports.document"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.tests["long"] = lambda text: len(text) > _LONG
    environment.filters["breakable"] = _breakable
    has_charts = bool(stills)
    scripts = {
        "first": "document.documentElement.classList.add('scripted');",
        "plotly": get_plotlyjs() if has_charts else "",
        "own": _own_file("report.js"),
    }
    return environment.get_template("report.html.jinja").render(
        document=document,
        stills=stills,
        kind=lambda block: _KINDS[type(block)],
        chart_view=_chart_view,
        table_view=_table_view,
        picture=lambda png: data_uri(png, "image/png"),
        style=Markup(_own_file("report.css")),
        frame=_json({"template": template(), "dark": dark_colours()}),
        scripts={name: Markup(script) for name, script in scripts.items()},
        policy=_policy([script for script in scripts.values() if script]),
    )


def _breakable(text: str) -> Markup:
    """Allow a line to end within a long word, behind the signs that join a key's words."""
    parts = []
    for word in re.split(r"(\s+)", visible(text)):
        joints = re.split(r"(?<=[._/=])(?=\w)", word) if len(word) > _UNBROKEN else [word]
        parts.append(Markup("<wbr>").join(escape(part) for part in joints))
    return Markup("").join(parts)


def _own_file(name: str) -> str:
    return (files("reports.document") / "templates" / name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str]) -> str:
    """A content security policy under which these scripts run and no others, and nothing is fetched."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii") for script in scripts]
    allowed = {
        "default-src": "'none'",
        "script-src": " ".join(f"'sha256-{one}'" for one in hashes),
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in allowed.items())


def _json(value: Any) -> Markup:
    """A value for a `<script type="application/json">`, which nothing in it can close."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False, sort_keys=True)
    return Markup(text.translate(_UNSAFE_IN_SCRIPT))


def _chart_view(chart: Chart | StudyChart) -> dict[str, Any]:
    figure = page_figure(chart)
    return {"figure": _json(figure), "columns": plots_side_by_side(figure)}


def _table_view(table: Table) -> dict[str, Any]:
    rows = list(shown_rows(table))
    kinds = [
        "number" if numeric else "words" if any(len(row.cells[place].text or "") > _SHORT for row in rows) else "short"
        for place, numeric in enumerate(numeric_columns(table, rows))
    ]
    return {"rows": rows, "kinds": kinds, "note": hidden_rows_note(table)}
