"""A document in all its forms, put in place once all of them are there."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reports.charts.chart import Chart
from reports.charts.study_chart import StudyChart
from reports.document.blocks import Block, Details, Document, PictureRow, Table
from reports.document.figure_files import picture_file, write_chart, write_pictures
from reports.document.html import html_page
from reports.document.markdown import markdown_text
from reports.document.pdf import find_browser, print_page
from reports.document.table_files import write_table
from trainable.errors import ReportError

PAGE, TEXT, PDF = "report.html", "report.md", "report.pdf"
TABLES, FIGURES = "tables", "figures"

_CONTENTS = ".report-files"
"""A list of the files of a report, a line each, by which the next report knows what to replace."""

_OWN_FILE = re.compile(r"report\.(html|md|pdf)|tables/[a-z0-9_]+\.(csv|parquet)|figures/[a-z0-9_]+\.(png|svg)")
_NAME = re.compile(r"[a-z0-9_]+")


def write_document(document: Document, out: Path, *, pdf: bool = False) -> Path:
    """Write a document as HTML, Markdown, tables, figures and, where wanted, PDF.

    All of it is first written into a fresh folder inside `out` (beside it may be another disk), then put in place file
    by file, the page last. What an earlier report left and this one has not is removed; other files stay.

    Args:
        document: What to write.
        out: The folder, made where there is none.
        pdf: Whether to write `report.pdf` as well, for which a Chromium or Chrome must be installed.

    Returns:
        Path of `report.html`.

    Raises:
        ReportError: When the folder cannot be written to, or there is no browser to print with.
        ValueError: When names of tables and figures are not what `blocks` asks for, or one is there twice.
    """
    browser = find_browser() if pdf else None
    blocks = list(_all_blocks([block for section in document.sections for block in section.blocks]))
    _check_names(blocks)
    with _draft_folder(out) as draft:
        for folder in (TABLES, FIGURES):
            (draft / folder).mkdir()
        stills = {}
        for block in blocks:
            match block:
                case Table():
                    write_table(block, draft / TABLES)
                case Chart() | StudyChart():
                    stills[block.name] = write_chart(block, draft / FIGURES)
                case PictureRow():
                    write_pictures(block, draft / FIGURES)
        (draft / TEXT).write_text(markdown_text(document), encoding="utf-8", newline="\n")
        (draft / PAGE).write_text(html_page(document, stills), encoding="utf-8", newline="\n")
        if browser is not None:
            print_page(browser, draft / PAGE, draft / PDF)
        _put_in_place(draft, out)
    return out / PAGE


def written_files(out: Path) -> tuple[str, ...]:
    """The files of the report in a folder, relative to it; none of the others that lie there.

    Args:
        out: A folder that `write_document` has written to.
    """
    contents = out / _CONTENTS
    names = contents.read_text(encoding="utf-8").splitlines() if contents.is_file() else []
    return tuple(name for name in names if _OWN_FILE.fullmatch(name) and (out / name).is_file())


@contextmanager
def _draft_folder(out: Path) -> Iterator[Path]:
    if out.exists() and not out.is_dir():
        raise ReportError(f"a report is written into a folder, but {out} is a file; name another folder with --out")
    made = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".report-", dir=out, ignore_cleanup_errors=True) as draft:
            yield Path(draft)
    except OSError as error:
        raise ReportError(
            f"the report cannot be written into {out}: {error}; free space there, or name another folder with --out"
        ) from error
    finally:
        if made and out.is_dir() and not any(out.iterdir()):
            out.rmdir()


def _put_in_place(draft: Path, out: Path) -> None:
    files = sorted(path.relative_to(draft).as_posix() for path in draft.rglob("*") if path.is_file())
    files.sort(key=lambda name: name == PAGE)
    contents = out / _CONTENTS
    earlier = contents.read_text(encoding="utf-8", errors="replace").splitlines() if contents.is_file() else []
    (draft / _CONTENTS).write_text("".join(f"{name}\n" for name in sorted({*earlier, *files})), encoding="utf-8")
    (draft / _CONTENTS).replace(contents)
    for folder in (TABLES, FIGURES):
        (out / folder).mkdir(exist_ok=True)
    for name in files:
        (draft / name).replace(out / name)
    for name in sorted(set(earlier) - set(files)):
        if _OWN_FILE.fullmatch(name):
            (out / name).unlink(missing_ok=True)
    (draft / _CONTENTS).write_text("".join(f"{name}\n" for name in sorted(files)), encoding="utf-8")
    (draft / _CONTENTS).replace(contents)


def _all_blocks(blocks: Sequence[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Details):
            yield from _all_blocks(block.blocks)


def _check_names(blocks: Sequence[Block]) -> None:
    tables = [block.name for block in blocks if isinstance(block, Table)]
    figures = [name for block in blocks for name in _figure_names(block)]
    for names in (tables, figures):
        for name in names:
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"names of tables and figures are lower-case letters, digits and underscores, got {name!r}"
                )
            if names.count(name) > 1:
                raise ValueError(
                    f"names of tables and figures must differ, but {name!r} is there {names.count(name)} times"
                )


def _figure_names(block: Block) -> list[str]:
    """Stems of the files of a figure."""
    match block:
        case Chart() | StudyChart():
            return [block.name]
        case PictureRow():
            return [Path(picture_file(block, number)).stem for number in range(1, len(block.pictures) + 1)]
        case _:
            return []
