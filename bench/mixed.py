"""Small files of many formats with words of their own."""

from collections.abc import Callable, Iterator
from email.message import EmailMessage
from io import BytesIO, StringIO

TOPICS = ("leave", "travel", "meals", "pension", "training", "badges", "parking", "canteen")
#: Every so many files one is long enough for the slow lane.
LONG = 40


def files(count: int) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of `count` files, their formats in turn."""
    for number in range(count):
        kind, make = FORMATS[number % len(FORMATS)]
        if number % LONG == LONG - 1:
            kind, make = "txt", _long
        yield f"rules-{number:04d}.{kind}", make(number)


def _paragraphs(number: int, count: int) -> list[str]:
    return [
        f"Case {number}-{part}: the {TOPICS[(number + part) % len(TOPICS)]} of station "
        f"{number}-{part} is {number * 7 + part} units. " + "The gauge was read by hand. " * 8
        for part in range(count)
    ]


def _size(number: int) -> int:
    return 4 + number % 23


def _text(number: int) -> bytes:
    return "\n\n".join(_paragraphs(number, _size(number))).encode()


def _long(number: int) -> bytes:
    return "\n\n".join(_paragraphs(number, 3_000)).encode()


def _markdown(number: int) -> bytes:
    parts = _paragraphs(number, _size(number))
    return "\n\n".join(
        [f"# Rules {number}", *(f"## Part {at}\n\n{part}" for at, part in enumerate(parts))]
    ).encode()


def _html(number: int) -> bytes:
    body = "".join(f"<p>{part}</p>" for part in _paragraphs(number, _size(number)))
    title = f"<title>Rules {number}</title><h1>Rules {number}</h1>"
    return f"<!doctype html><html><body>{title}{body}</body></html>".encode()


def _csv(number: int) -> bytes:
    import csv

    target = StringIO()
    writer = csv.writer(target)
    writer.writerow(["case", "topic", "units", "remark"])
    for part, words in enumerate(_paragraphs(number, _size(number))):
        writer.writerow([f"{number}-{part}", TOPICS[part % len(TOPICS)], number + part, words])
    return target.getvalue().encode()


def _mail(number: int) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"] = f"Rules {number}", "a@example.com"
    message["To"], message["Date"] = "b@example.com", "Mon, 02 Feb 2026 10:00:00 +0000"
    message.set_content("\n\n".join(_paragraphs(number, _size(number))))
    return message.as_bytes()


def _word(number: int) -> bytes:
    import docx

    document, target = docx.Document(), BytesIO()
    document.add_heading(f"Rules {number}", 1)
    for part in _paragraphs(number, _size(number)):
        document.add_paragraph(part)
    document.save(target)
    return target.getvalue()


def _sheet(number: int) -> bytes:
    import openpyxl

    book, target = openpyxl.Workbook(), BytesIO()
    sheet = book.active
    sheet.title = "Units"
    sheet.append(["case", "units", "remark"])
    for part, words in enumerate(_paragraphs(number, _size(number))):
        sheet.append([f"{number}-{part}", number + part, words])
    book.save(target)
    return target.getvalue()


def _pdf(number: int) -> bytes:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    target, style = BytesIO(), getSampleStyleSheet()["Normal"]
    template = SimpleDocTemplate(target, invariant=1)
    template.build([Paragraph(part, style) for part in _paragraphs(number, _size(number))])
    return target.getvalue()


FORMATS: tuple[tuple[str, Callable[[int], bytes]], ...] = (
    ("txt", _text),
    ("md", _markdown),
    ("html", _html),
    ("docx", _word),
    ("pdf", _pdf),
    ("csv", _csv),
    ("eml", _mail),
    ("xlsx", _sheet),
)
