"""OpenDocument files, made where a test needs them."""

from pathlib import Path

from ingest.parsers.odf import _NAMESPACES
from tests.parsing import files

MIME = "application/vnd.oasis.opendocument."
SPACES = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in _NAMESPACES.items())


def part(root: str, inner: str) -> bytes:
    return f'<?xml version="1.0"?><office:{root} {SPACES}>{inner}</office:{root}>'.encode()


def package(
    path: Path, kind: str, body: str, styles: str = "", *, pages: str = "", meta: str = "",
    more: dict[str, bytes] | None = None,
) -> Path:  # fmt: skip
    """`kind` is text, spreadsheet or presentation; `pages` go to styles.xml."""
    automatic = f"<office:automatic-styles>{styles}</office:automatic-styles>"
    content = f"{automatic}<office:body><office:{kind}>{body}</office:{kind}></office:body>"
    members = {
        "mimetype": (MIME + kind).encode(),
        "content.xml": part("document-content", content),
        "styles.xml": part("document-styles", pages),
        "meta.xml": part("document-meta", f"<office:meta>{meta}</office:meta>"),
    }
    return files.archive(path, members | (more or {}))


def style(name: str, *, parent: str = "", family: str = "paragraph", **properties: str) -> str:
    """A style with properties such as fo__font_weight="bold"."""
    said = " ".join(
        f'{key.replace("__", ":").replace("_", "-")}="{value}"' for key, value in properties.items()
    )
    return (
        f'<style:style style:name="{name}" style:family="{family}"'
        f' style:parent-style-name="{parent}"><style:text-properties {said}/></style:style>'
    )


def p(text: str, style: str = "") -> str:
    return f'<text:p text:style-name="{style}">{text}</text:p>'


def row(*cells: str, **attributes: str) -> str:
    said = " ".join(f'table:{key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    inner = "".join(
        each
        if each.startswith("<")
        else f"<table:table-cell>{p(each) if each else ''}</table:table-cell>"
        for each in cells
    )
    return f"<table:table-row {said}>{inner}</table:table-row>"


def cell(text: str, kind: str = "", style: str = "", **attributes: str) -> str:
    said = " ".join(f'table:{key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    shown = p(text) if text else ""
    return (
        f'<table:table-cell office:value-type="{kind}" table:style-name="{style}" {said}>{shown}'
        "</table:table-cell>"
    )
