"""Tables, charts and SmartArt of presentations."""

from collections.abc import Iterator
from typing import Any

from ingest.parsers import clean, number_format
from ingest.parsers.office import qn
from ingest.parsers.pptx_text import plain

#: A cell that claims to span more is cut, as in Word files.
MAX_SPAN = 50
MAX_DEPTH = 50

Rows = tuple[tuple[str, ...], ...]


def table_rows(table: Any) -> tuple[Rows, int]:
    """Cells of an a:tbl, a vertically merged one repeated, and how many rows are header."""
    rows: list[list[str]] = []
    for row in table.iter(qn("a:tr")):
        cells: list[str] = []
        for cell in row.iter(qn("a:tc")):
            above = rows[-1] if rows and _is_on(cell, "vMerge") else []
            text = above[len(cells)] if len(cells) < len(above) else plain(cell)
            cells.append("" if _is_on(cell, "hMerge") else clean.one_line(text))
        rows.append(cells)
    properties = table.find(qn("a:tblPr"))
    has_header = properties is not None and _is_on(properties, "firstRow")
    filled = clean.filled(rows)
    return filled, int(has_header and any(rows[0]) and len(filled) > 1) if rows else 0


def chart_title(chart: Any) -> str:
    """The title of a c:chartSpace on one line."""
    title = chart.find(f"{qn('c:chart')}/{qn('c:title')}")
    return "" if title is None else clean.one_line(plain(title) or _cached(title))


def chart_rows(chart: Any) -> tuple[Rows, int]:
    """Categories and series as the chart keeps them in itself (its workbook is not opened), and how
    many rows are header."""
    series = list(chart.iter(qn("c:ser")))
    names = [_series_name(each) for each in series]
    categories = next((found for each in series if (found := _points(each, "c:cat", "c:xVal"))), {})
    values = [_points(each, "c:val", "c:yVal") for each in series]
    places = sorted({place for points in (categories, *values) for place in points})
    rows = [["", *names]] + [
        [categories.get(place, ""), *(points.get(place, "") for points in values)]
        for place in places
    ]
    return (clean.filled(rows), int(any(names))) if places else ((), 0)


def diagram_items(data: Any) -> Iterator[tuple[int, str]]:
    """Level from 1 and text of each node of a SmartArt's data, parents before their children."""
    texts = {
        point.get("modelId"): clean.one_line(plain(point).replace("\n", " "))
        for point in data.iter(qn("dgm:pt"))
        if point.get("type", "node") in ("node", "asst")
    }
    children: dict[str | None, list[tuple[int, str | None]]] = {}
    below: set[str | None] = set()
    for link in data.iter(qn("dgm:cxn")):
        if link.get("type", "parOf") == "parOf" and link.get("destId") in texts:
            order = link.get("srcOrd") or "0"
            place = int(order) if order.isascii() and order.isdigit() and len(order) < 9 else 0
            children.setdefault(link.get("srcId"), []).append((place, link.get("destId")))
            below.add(link.get("destId"))
    seen: set[str | None] = set()
    tops = [each for each in children if each not in texts]
    stack = [(0, each) for each in reversed([*tops, *(t for t in texts if t not in below)])]
    while stack:
        level, point = stack.pop()
        if point in seen:
            continue
        seen.add(point)
        if texts.get(point):
            yield max(1, level), texts[point]
        for _, child in sorted(children.get(point, ()), key=lambda item: -item[0]):
            stack.append((min(level + 1, MAX_DEPTH), child))


def _is_on(element: Any, name: str) -> bool:
    return element.get(name) in ("1", "true")


def _series_name(series: Any) -> str:
    name = series.find(qn("c:tx"))
    return "" if name is None else _cached(name)


def _cached(element: Any) -> str:
    return clean.one_line(" ".join(v.text or "" for v in element.iter(qn("c:v"))))


def _points(series: Any, *names: str) -> dict[int, str]:
    """Index and text of the values cached for the first of `names` that the series has."""
    found: Any = next((each for name in names if (each := series.find(qn(name))) is not None), None)
    if found is None:
        return {}
    level = found.find(f".//{qn('c:lvl')}")  # the innermost of several levels of categories
    points: dict[int, str] = {}
    code = found.findtext(f".//{qn('c:formatCode')}") or ""
    for point in (found if level is None else level).iter(qn("c:pt")):
        place = point.get("idx") or ""
        text = point.findtext(qn("c:v")) or ""
        if place.isascii() and place.isdigit() and len(place) < 9 and text:
            is_number = point.getparent().tag != qn("c:strCache") and level is None
            points[int(place)] = _shown(text, code) if is_number else clean.one_line(text)
    return points


def _shown(text: str, code: str) -> str:
    try:
        return number_format.render(float(text), code)
    except ValueError:
        return clean.one_line(text)
