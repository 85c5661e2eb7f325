"""A report as a browser shows it: every kind of block, ordinary and hostile texts, wide and narrow, light and dark."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib.figure
import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.visualization import plot_contour, plot_param_importances, plot_slice
from PIL import Image

from reports.charts.chart import Axis, Chart, Series
from reports.charts.study_chart import StudyChart
from reports.document.blocks import (
    Block,
    Column,
    Commands,
    Details,
    Document,
    Paragraph,
    Picture,
    PictureRow,
    Section,
    Table,
)
from reports.document.writing import write_document

HOSTILE = (
    "<script>alert(1)</script></script> $x^$ | `a` \u202eabc <b>b</b> "
    '<a href="https://evil.example/">l</a> <img src=x onerror=alert(2)> %{x} &lt;i&gt;'
)
ENDLESS = "n" * 10_000
SHOWN = HOSTILE.replace("\u202e", "\\u202e")


def study() -> optuna.Study:
    """A search whose names and values are hostile."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1), direction="maximize")

    def objective(trial: optuna.Trial) -> float:
        weight = trial.suggest_float("model.head.size_aware_weight", 1, 4)
        rate = trial.suggest_float(f"rate {HOSTILE}", 1e-5, 1e-2, log=True)
        kind = trial.suggest_categorical("kind", ["linear", HOSTILE, ENDLESS])
        return weight + float(np.log(rate)) + len(kind) % 7

    study.optimize(objective, n_trials=15)
    return study


def study_charts() -> list[Block]:
    searched = study()

    def printed() -> matplotlib.figure.Figure:
        figure = matplotlib.figure.Figure()
        figure.subplots().plot([1, 2], [1, 2])
        return figure

    drawings: dict[str, Callable[[], Any]] = {
        "slices": lambda: plot_slice(searched),
        "contour": lambda: plot_contour(searched, params=["model.head.size_aware_weight", f"rate {HOSTILE}"]),
        "importance": lambda: plot_param_importances(
            searched, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
        ),
    }
    return [StudyChart(name, name, f"The {name}.", draw, printed) for name, draw in drawings.items()]


def charts(text: str, prefix: str) -> list[Block]:
    rng = np.random.default_rng(0)
    steps = np.arange(1000, 21000, 1000)
    curves = [
        Series(f"{text} {number}", steps, 10 * number + rng.random(20), low=[9 * number] * 20, high=[12 * number] * 20)
        for number in range(1, 5)
    ]
    places = ("pedestrian", text, ENDLESS)
    areas = 2.0 ** np.arange(4, 14)
    bars = Series("boxes", areas, rng.integers(1, 99, 10), kind="bars", colour="muted")
    weight = Series("weight", areas, np.linspace(2, 1, 10), kind="steps", right=True, dashed=True)
    return [
        Chart(
            f"{prefix}_curves", text, text, Axis(text), Axis(text), curves, vertical_lines=((2000, text), (6000, text))
        ),
        Chart(
            f"{prefix}_classes",
            text,
            text,
            Axis("class", categories=places),
            Axis("AP [%]"),
            [
                Series("baseline", places, [1, np.nan, 3], kind="bars", low=[0, 1, np.nan], high=[2, 2, np.nan]),
                Series(text, places, [2, 3, np.inf], kind="points", labels=[text, ENDLESS, ""]),
            ],
        ),
        Chart(
            f"{prefix}_areas", text, text, Axis("area", log=True), Axis("boxes"), [bars, weight], right=Axis("weight")
        ),
        Chart(f"{prefix}_nothing", text, text, Axis("x"), Axis("y"), [Series("a", [1], [np.nan]), Series("b", [], [])]),
    ]


def blocks(text: str, prefix: str) -> list[Block]:
    """Every kind of block."""
    count = 12
    data = pd.DataFrame({"name": [text, "trial 10", "trial 9", *(f"trial {n}" for n in range(count - 3))]})
    data["AP"] = [0.5, np.nan, 0.25, *np.linspace(0.1, 0.2, count - 3)]
    data["low"], data["high"], data["label"] = (
        data["AP"] - 0.05,
        data["AP"] + 0.05,
        [ENDLESS, None, *[text] * (count - 2)],
    )
    numbers = [Column("AP", f"AP {number} [%]", 2, 100, interval=("low", "high")) for number in range(6)]
    columns = (Column("name", "Configuration"), Column("label", text), *numbers)
    picture = BytesIO()
    Image.fromarray(np.full((90, 160, 3), 40, np.uint8)).save(picture, "png")
    pictures = tuple(Picture(text, text, picture.getvalue()) for _ in range(2))
    return [
        *(Paragraph(text, kind) for kind in ("lead", "normal", "note", "warning")),
        Table(f"{prefix}_table", text, data, columns, shown_rows=10, highlighted=(0,)),
        *charts(text, prefix),
        PictureRow(f"{prefix}_pictures", text, pictures),
        Commands(text, f"python -m trainable train {text}"),
        Details(
            text,
            [Paragraph(text), charts(text, f"{prefix}_inner")[0], Table(f"{prefix}_empty", text, data[:0], columns)],
        ),
    ]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sections = [
        Section("plain", "Ordinary texts", blocks("plain words", "plain")),
        Section("hostile", HOSTILE, blocks(HOSTILE, "hostile")),
        Section("endless", ENDLESS, [Paragraph(ENDLESS), *charts(ENDLESS, "endless"), Details(ENDLESS, [])]),
        Section("study", "What matters", study_charts()),
    ]
    return write_document(Document(HOSTILE, ENDLESS, sections), tmp_path_factory.mktemp("report") / "out")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 390])
def test_a_report_opens_whole_at_every_width_and_asks_nobody_for_anything(
    browser: Any, report: Path, width: int, dark: bool
) -> None:
    browser.open(report, width=width, dark=dark)
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value("document.querySelectorAll('figure.failed').length") == 0
    seen = "[...document.querySelectorAll('figure.chart')].filter(box => !box.closest('details'))"
    assert browser.value(f"{seen}.length") == 15
    assert browser.value(
        f"{seen}.every(box => box.querySelector('.plot .main-svg .plotbg, .plot .main-svg .cartesianlayer'))"
    )
    room = "box.querySelector('.plot').clientWidth <= box.querySelector('.scroll').clientWidth"
    wider = f"{seen}.filter(box => !({room})).map(box => box.id)"
    assert browser.value(wider) in ([], ["figure-slices"])
    assert browser.complaints() == []
    assert browser.requests() == [report.as_uri()]
    ground = browser.picture().getpixel((1, 1))
    assert (max(ground) < 60) == dark  # type: ignore[arg-type,type-var]


def test_hostile_texts_are_text_and_no_script_of_theirs_runs(browser: Any, report: Path) -> None:
    browser.open(report, width=1280)
    assert browser.value("document.title").strip() == SHOWN
    assert browser.value("document.querySelector('h1').textContent") == SHOWN
    texts = browser.value("document.querySelector('main').textContent")
    assert texts.count(SHOWN) >= 25
    drawn = browser.value("[...document.querySelectorAll('.plot text')].map(one => one.textContent).join('\\n')")
    assert "<script>alert(1)</script>" in drawn
    assert "No values to show" in drawn
    assert browser.value("document.querySelectorAll('svg a, main img[onerror], main b').length") == 0
    assert browser.value("[...document.scripts].filter(one => !one.type).length") == 3
    browser.value(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    )
    assert browser.value("window.ran") is None
    assert "violates the following Content Security Policy directive" in json.dumps(browser.complaints())


def test_what_a_reader_points_at_is_shown_as_text(browser: Any, report: Path) -> None:
    browser.open(report, width=1280)
    browser.value("document.getElementById('figure-hostile_classes').scrollIntoView({behavior: 'instant'})")
    point = "document.querySelector('#figure-hostile_classes .scatterlayer .point').getBoundingClientRect()"
    x, y = (browser.value(f"{point}.{side} + 5") for side in ("x", "y"))
    browser.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    hover = "document.querySelector('#figure-hostile_classes .hoverlayer')"
    browser.until(f"{hover}.textContent.includes('pedestrian')")
    assert "<script>alert(1)</script>" in browser.value(f"{hover}.textContent")
    assert browser.value(f"{hover}.querySelectorAll('a, [style*=bold]').length") == 0


def test_a_table_is_sorted_by_mouse_and_keyboard_with_missing_values_last(browser: Any, report: Path) -> None:
    browser.open(report, width=1280)
    table = "document.querySelector('#table-plain_table table')"

    def names() -> list[str]:
        return browser.value(f"[...{table}.tBodies[0].rows].map(row => row.cells[0].textContent.trim())")  # type: ignore[no-any-return]

    original = names()
    by_number = f"{table}.tHead.rows[0].cells[2]"
    browser.value(f"{by_number}.querySelector('button').click()")
    assert browser.value(f"{by_number}.getAttribute('aria-sort')") == "descending"
    assert names()[:2] == ["plain words", "trial 9"]
    assert names()[-1] == "trial 10"
    browser.value(f"{by_number}.querySelector('button').focus()")
    for kind in ("keyDown", "keyUp"):
        browser.ask("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    assert browser.value(f"{by_number}.getAttribute('aria-sort')") == "ascending"
    assert names()[-2:] == ["plain words", "trial 10"]
    browser.value(f"{by_number}.querySelector('button').click()")
    assert names() == original
    browser.value(f"{table}.tHead.rows[0].cells[0].querySelector('button').click()")
    assert names()[-2:] == ["trial 9", "trial 10"]


def test_charts_follow_the_width_the_scheme_and_what_is_unfolded(browser: Any, report: Path) -> None:
    browser.open(report, width=1280)
    plot = "document.querySelector('#figure-plain_curves .plot')"
    line = f"{plot}.querySelector('.scatterlayer .js-line').style.stroke"
    wide, light = browser.value(f"{plot}.querySelector('.main-svg').clientWidth"), browser.value(line)
    browser.ask("Emulation.setDeviceMetricsOverride", width=390, height=900, deviceScaleFactor=1, mobile=False)
    browser.until(f"{plot}.querySelector('.main-svg').clientWidth < 390")
    assert wide > 800
    assert browser.value("document.documentElement.scrollWidth") <= 390
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.until(f"{line} !== '{light}'")
    inner = "document.querySelector('#figure-plain_inner_curves')"
    assert browser.value(f"{inner}.classList.contains('drawn')") is False
    browser.value(f"{inner}.closest('details').open = true")
    browser.until(f"{inner}.classList.contains('drawn')")
    assert browser.complaints() == []


def test_print_shows_stills_and_unfolds_details(browser: Any, report: Path) -> None:
    browser.open(report, width=1280, dark=True)
    browser.ask("Emulation.setEmulatedMedia", media="print")
    shown = (
        "[...document.querySelectorAll('figure.chart')].map(box => getComputedStyle(box.querySelector('{}')).display)"
    )
    assert set(browser.value(shown.format(".plot"))) == {"none"}
    assert set(browser.value(shown.format(".still"))) == {"block"}
    assert browser.value("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    inner = "document.querySelector('#figure-plain_inner_curves .still').checkVisibility({contentVisibilityAuto: true})"
    assert browser.value(inner) is True
    assert max(browser.picture().getpixel((1, 1))) == 255  # type: ignore[arg-type,type-var]


def test_a_pdf_is_printed_by_the_browser(browser: Any, tmp_path: Path) -> None:
    document = Document("A sweep", "today", [Section("plain", "Ordinary texts", blocks("plain words", "plain"))])
    out = write_document(document, tmp_path / "out", pdf=True).parent
    pdf = (out / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert 2 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page/") <= 8
