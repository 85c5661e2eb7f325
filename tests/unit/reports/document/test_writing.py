"""A document in all its forms."""

import hashlib
import os
from pathlib import Path

import pytest
from PIL import Image

from reports.charts.chart import Axis, Chart, Series
from reports.document import pdf as pdf_module
from reports.document.blocks import Block, Commands, Document, Paragraph, Picture, PictureRow, Section
from reports.document.writing import write_document
from trainable.errors import ReportError


def files(folder: Path) -> dict[str, str]:
    """Every file in a folder with a digest of it."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def of(*blocks: Block) -> Document:
    return Document("t", "s", [Section("a", "A", list(blocks))])


def chart(name: str) -> Chart:
    return Chart(name, "t", "a", Axis("x"), Axis("y"), [Series("s", [1, 2], [1, 2])])


def test_every_form_is_written_and_the_page_is_returned(document: Document, tmp_path: Path) -> None:
    page = write_document(document, tmp_path / "new" / "out")
    assert page == tmp_path / "new" / "out" / "report.html"
    assert set(files(page.parent)) == {
        ".report-files",
        "report.html",
        "report.md",
        *(f"tables/{name}.{end}" for name in ("table", "inner") for end in ("csv", "parquet")),
        "figures/chart.png",
        "figures/chart.svg",
        "figures/pictures_1.png",
    }
    with Image.open(page.parent / "figures" / "chart.png") as image:
        assert image.width > 1000
    assert "data:image/svg+xml;base64," in page.read_text(encoding="utf-8")


def test_the_same_document_gives_the_same_bytes(hostile_document: Document, tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_document(hostile_document, tmp_path / name)
    assert files(tmp_path / "one") == files(tmp_path / "other")


def test_an_earlier_report_is_replaced_and_other_files_stay(document: Document, tmp_path: Path) -> None:
    write_document(document, tmp_path)
    for foreign in ("notes.txt", "tables/mine.csv", "figures/mine.png"):
        (tmp_path / foreign).write_text("mine")
    write_document(of(Paragraph("text"), chart("other")), tmp_path)
    assert set(files(tmp_path)) == {
        ".report-files",
        "report.html",
        "report.md",
        "figures/other.png",
        "figures/other.svg",
        "notes.txt",
        "tables/mine.csv",
        "figures/mine.png",
    }


def test_a_list_of_files_that_somebody_wrote_removes_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_document(of(Paragraph("text")), out)
    (tmp_path / "precious.csv").write_text("mine")
    (out / "precious.csv").write_text("mine")
    (out / ".report-files").write_text("../precious.csv\nprecious.csv\ntables/../precious.csv\n/etc/hostname\n")
    write_document(of(Paragraph("text")), out)
    assert (tmp_path / "precious.csv").exists()
    assert (out / "precious.csv").exists()


def test_what_fails_leaves_the_earlier_report_as_it_was(document: Document, tmp_path: Path) -> None:
    write_document(document, tmp_path)
    before = files(tmp_path)
    broken = Chart("c", "t", "a", Axis("x"), Axis("y"), [Series("s", [1, 2], [1])])
    with pytest.raises(ValueError, match="not as many numbers"):
        write_document(of(Paragraph("new"), broken), tmp_path)
    assert files(tmp_path) == before
    with pytest.raises(ValueError, match="not as many numbers"):
        write_document(of(broken), tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ReportError, match="is a file; name another folder with --out"):
        write_document(of(Paragraph("text")), tmp_path / "out")
    with pytest.raises(ReportError, match="cannot be written into"):
        write_document(of(Paragraph("text")), tmp_path / "out" / "inside")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ReportError, match="cannot be written into"):
        write_document(of(Paragraph("text")), tmp_path)


@pytest.mark.parametrize("name", ["../x", "A", "a/b", ""])
def test_a_name_that_could_leave_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="lower-case letters, digits and underscores"):
        write_document(of(chart(name)), tmp_path / "out")


def test_two_figures_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'a' is there 2 times"):
        write_document(of(chart("a"), chart("a")), tmp_path / "out")
    pictures = PictureRow("a", "t", (Picture("c", "a", b""),))
    with pytest.raises(ValueError, match="'a_1' is there 2 times"):
        write_document(of(chart("a_1"), pictures), tmp_path / "out")


def test_without_a_browser_a_pdf_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReportError, match="apt-get install chromium"):
        write_document(of(Paragraph("text")), tmp_path / "out", pdf=True)
    assert not (tmp_path / "out").exists()


def test_a_browser_that_fails_or_hangs_is_named_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = tmp_path / "bin" / "chromium"
    browser.parent.mkdir()
    monkeypatch.setenv("PATH", f"{browser.parent}:{os.environ['PATH']}")
    browser.write_text("#!/bin/sh\necho no display >&2\nexit 3\n")
    browser.chmod(0o755)
    with pytest.raises(ReportError, match=r"ended with status 3 instead of printing the report: no display"):
        write_document(of(Paragraph("text")), tmp_path / "out", pdf=True)
    assert not (tmp_path / "out").exists()
    browser.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {tmp_path}/child\nwait\n")
    monkeypatch.setattr(pdf_module, "_TIMEOUT_S", 0.5)
    with pytest.raises(ReportError, match="has not printed the report within"):
        write_document(of(Paragraph("text")), tmp_path / "out", pdf=True)
    child = int((tmp_path / "child").read_text())
    status = Path(f"/proc/{child}/status")
    assert not status.exists() or "Z (zombie)" in status.read_text()


def test_a_document_of_texts_alone_is_written(tmp_path: Path) -> None:
    page = write_document(of(Paragraph("text"), Commands("run", "true")), tmp_path / "out")
    assert "true" in page.read_text(encoding="utf-8")
