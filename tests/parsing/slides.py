"""Presentations, made where a test needs them."""

from pathlib import Path
from typing import Any

import pptx
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

BOX = (Inches(1), Inches(1), Inches(3), Inches(1))


def deck() -> Any:
    return pptx.Presentation()


def slide(deck: Any, title: str = "", *lines: tuple[int, str]) -> Any:
    """A slide with a title and a list of (level, text)."""
    made = deck.slides.add_slide(deck.slide_layouts[1])
    made.shapes.title.text = title
    frame = made.placeholders[1].text_frame
    for index, (level, text) in enumerate(lines):
        paragraph = frame.paragraphs[0] if index == 0 else frame.add_paragraph()
        paragraph.text, paragraph.level = text, level
    return made


def box(slide: Any, left: float, top: float, text: str) -> Any:
    made = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1))
    made.text_frame.text = text
    return made


def table(slide: Any, *rows: tuple[str, ...]) -> Any:
    made = slide.shapes.add_table(len(rows), len(rows[0]), *BOX).table
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            made.cell(row, column).text = text
    return made


def chart(slide: Any, title: str, categories: list[str], **series: tuple[float, ...]) -> Any:
    make: Any = CategoryChartData
    data = make(number_format="#,##0.0")
    data.categories = categories
    for name, values in series.items():
        data.add_series(name, values)
    made = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *BOX, data).chart
    made.has_title = True
    made.chart_title.text_frame.text = title
    return made


def saved(deck: Any, path: Path) -> Path:
    deck.save(str(path))
    return path
