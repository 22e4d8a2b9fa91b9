"""E-mail messages (EML): heads, bodies, quotations, encodings."""

from email.message import EmailMessage, Message
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parsers import mail_headers
from ingest.parsers.base import ParsedDocument
from ingest.parsers.mail import unflow
from ingest.parsers.registry import EML
from tests.parsing import files

HEAD = b"From: Anna Roth <anna@example.com>\nTo: bo@example.com\nSubject: Rates\n"


def read(tmp_path: Path, source: bytes | Message, **limits: int) -> ParsedDocument:
    path = tmp_path / "a.eml"
    path.write_bytes(source if isinstance(source, bytes) else bytes(source))
    return files.parse(path, EML, **limits)


def shape(parsed: ParsedDocument) -> list[tuple[str, str]]:
    """Kind and text of what stands below the head."""
    return [(block.kind, block.text) for block in parsed.blocks[1:]]


def plain(tmp_path: Path, body: str, *, headers: bytes = HEAD) -> list[tuple[str, str]]:
    return shape(read(tmp_path, headers + b"\n" + body.encode()))


# --- heads --------------------------------------------------------------------------------------
def test_who_wrote_whom_when_about_what(tmp_path: Path) -> None:
    message = EmailMessage()
    message["From"] = "J\u00fcrgen M\u00fcller <jm@example.com>"
    message["To"] = "Anna <anna@example.com>, bo@example.com"
    message["Cc"] = "cy@example.com"
    message["Date"] = "Fri, 16 Dec 2022 17:04:16 -0500"
    message["Subject"] = (
        "Spesens\u00e4tze f\u00fcr 2023 und sonst noch etwas, damit es zwei W\u00f6rter werden"
    )
    message.set_content("Hello.")
    parsed = read(tmp_path, message)
    assert parsed.blocks[0].text == (
        "From: J\u00fcrgen M\u00fcller <jm@example.com>\nTo: Anna <anna@example.com>, bo@example.com\n"
        "Cc: cy@example.com\nDate: Friday, 16 December 2022, 17:04 (UTC-05:00)\n"
        f"Subject: {message['Subject']}"
    )
    assert parsed.title == message["Subject"]
    assert parsed.metadata == {
        "subject": message["Subject"],
        "sender": "J\u00fcrgen M\u00fcller <jm@example.com>",
        "recipients": "Anna <anna@example.com>, bo@example.com, cy@example.com",
        "sent": "2022-12-16T17:04:16-05:00",
    }
    assert shape(parsed) == [("paragraph", "Hello.")]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?= an =?iso-8859-1?Q?M=E4nner?=", "Gr\u00fc\u00dfe an M\u00e4nner"),
        # A letter of two bytes is cut between two words, which programs do.
        ("=?utf-8?b?w6TD?=\n =?utf-8?b?pA==?=", "\u00e4\u00e4"),
        ("=?utf-8?b?w6Q?=", "\u00e4"),
        ("=?no-such-charset?q?K=F6ln?=", "K\u00f6ln"),
        ("=?us-ascii?q?caf=C3=A9?=", "caf\u00e9"),
        ("=?utf-8*de?q?W=C3=B6rter?=", "W\u00f6rter"),
        ("K\udcc3\udcb6ln", "K\u00f6ln"),
        ("=?utf-8?q?open", "=?utf-8?q?open"),
        ("two\n lines\x00 and \u202eless", "two lines and less"),
    ],
)  # fmt: skip
def test_headers_however_written(written: str, expected: str) -> None:
    assert mail_headers.text(written) == expected


@pytest.mark.parametrize("sign", ["(", ":", '"(', "<", "a@", "[", ";", "\\"])
def test_brackets_in_brackets_end(sign: str) -> None:
    assert mail_headers.addresses([sign * 15_000 + "end"])
    assert mail_headers.addresses(["x" * 20_000])


@given(st.text(max_size=200))
def test_no_header_breaks(value: str) -> None:
    assert "\n" not in mail_headers.text(value)
    mail_headers.addresses([value])
    mail_headers.when(value)


@given(st.binary(max_size=200), st.text(max_size=12))
def test_no_charset_breaks(data: bytes, charset: str) -> None:
    mail_headers.in_charset(data, charset)


def test_dates() -> None:
    assert str(mail_headers.when("2025-07-29T12:42:06Z")) == "2025-07-29 12:42:06+00:00"
    assert mail_headers.when("yesterday") is None
    assert mail_headers.when("Fri, 99 Dec 2022 17:04:16 -0500") is None


def test_a_date_that_is_none_is_shown(tmp_path: Path) -> None:
    parsed = read(tmp_path, HEAD + b"Date: last week\n\nx")
    assert "Date: last week" in parsed.blocks[0].text
    assert "sent" not in parsed.metadata


def test_thousands_of_recipients_are_cut(tmp_path: Path) -> None:
    people = b", ".join(b"user%d@example.com" % n for n in range(20_000))
    parsed = read(tmp_path, b"Subject: all\nTo: " + people + b"\n\nHello.")
    assert 1_000 < len(parsed.blocks[0].text) < 2_000
    assert "more" in parsed.blocks[0].text
    assert shape(parsed) == [("paragraph", "Hello.")]


def test_parameters_without_end_cost_nothing(tmp_path: Path) -> None:
    kind = b"Content-Type: text/plain; " + b'x="' * 200_000 + b"\n"
    assert shape(read(tmp_path, HEAD + kind + b"\nHello.")) == [("paragraph", "Hello.")]


# --- bodies -------------------------------------------------------------------------------------
def test_html_with_a_table_is_preferred(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "Rates"
    message.set_content("City Rate Bern 150")
    message.add_alternative(
        "<h2>Rates</h2><table><tr><th>City</th><th>Rate</th></tr><tr><td>Bern</td><td>150</td></tr></table>",
        subtype="html",
    )
    assert shape(read(tmp_path, message)) == [
        ("heading", "Rates"),
        ("table", "City | Rate\nBern | 150"),
    ]


def test_plain_text_is_preferred_to_html_without_structure(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "x"
    message.set_content("1. one\n2. two\n")
    message.add_alternative("<p>1. one<br>2. two</p>", subtype="html")
    assert shape(read(tmp_path, message)) == [("list_item", "1. one"), ("list_item", "2. two")]
    message = EmailMessage()
    message.set_content("See the HTML.")
    message.add_alternative(f"<p>{'All of the news. ' * 20}</p>", subtype="html")
    message["Subject"] = "y"
    assert "All of the news" in shape(read(tmp_path, message))[0][1]


def test_twins_for_special_readers_are_left_out(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "x"
    message.set_content("Meet at ten.")
    message.add_alternative("BEGIN:VCALENDAR", subtype="calendar")
    message.add_alternative("<p>amp</p>", subtype="x-amp-html")
    message.make_mixed()
    part = EmailMessage()
    part.set_content("p { color: red }", subtype="css")
    message.attach(part)
    assert shape(read(tmp_path, message)) == [("paragraph", "Meet at ten.")]


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("utf-8", "cp1252"), ("", "utf-8"), ("us-ascii", "cp1252"), ("nonsense", "utf-8"),
     ("iso-8859-1", "utf-8"), ("iso-8859-1", "cp1252"), ("punycode", "utf-8")],
)  # fmt: skip
def test_wrong_charsets(tmp_path: Path, charset: str, encoding: str) -> None:
    text = "Die Spesens\u00e4tze f\u00fcr \u00d6sterreich gelten ab M\u00e4rz; Gr\u00fc\u00dfe aus K\u00f6ln."
    kind = f'Content-Type: text/plain; charset="{charset}"\n' if charset else ""
    source = HEAD + kind.encode() + b"Content-Transfer-Encoding: 8bit\n\n" + text.encode(encoding)
    assert shape(read(tmp_path, source)) == [("paragraph", text)]


def test_broken_transfer_encodings(tmp_path: Path) -> None:
    broken = b"Content-Transfer-Encoding: base64\n\nSGVs*bG8gdGhlcmU"
    assert "Hello ther" in read(tmp_path, HEAD + broken).text
    broken = b"Content-Transfer-Encoding: quoted-printable\n\n=48ello=ZZ th=\n=65re="
    assert shape(read(tmp_path, HEAD + broken)) == [("paragraph", "Hello=ZZ there")]


def test_utf_16_marks_and_blank_lines_before(tmp_path: Path) -> None:
    source = HEAD + b"\nHello there."
    for data in (
        source.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + source,
        b"\r\n\n" + source,
        b"From anna@example.com Fri May  3 10:00:00 2024\n" + source,
    ):
        parsed = read(tmp_path, data)
        assert (parsed.title, shape(parsed)) == ("Rates", [("paragraph", "Hello there.")])


def test_flowed_lines_are_joined() -> None:
    body = "A long line that \nwas broken.\n> quoted \n> as well\n-- \nAnna"
    assert unflow(body, delete_space=False) == (
        "A long line that was broken.\n> quoted as well\n-- \nAnna"
    )
    assert unflow("Zeilen \nende", delete_space=True) == "Zeilenende"


def test_multipart_without_parts_is_text(tmp_path: Path) -> None:
    source = HEAD + b'Content-Type: multipart/mixed; boundary="b"\n\nHello all the same.'
    assert shape(read(tmp_path, source)) == [("paragraph", "Hello all the same.")]


# --- what others wrote --------------------------------------------------------------------------
def test_quotations_follow_as_notes_and_signatures_are_short(tmp_path: Path) -> None:
    body = (
        "We pay 150.\n\n-- \nAnna\n"
        + "x" * 400
        + "\n\nOn Fri, 3 May 2024, Bo\n<bo@example.com> wrote:\n> What do we pay?\n"
    )
    found = plain(tmp_path, body)
    assert found[0] == ("paragraph", "We pay 150.")
    assert found[1][0] == "note" and found[1][1].startswith("Anna") and len(found[1][1]) <= 300
    assert found[2:] == [
        ("note", "On Fri, 3 May 2024, Bo\n<bo@example.com> wrote:\nWhat do we pay?"),
    ]


def test_an_answer_below_its_question_comes_first(tmp_path: Path) -> None:
    assert plain(tmp_path, "Am 3. Mai 2024 schrieb Bo:\n> Was zahlen wir?\n\n150.\n") == [
        ("paragraph", "150."),
        ("note", "Am 3. Mai 2024 schrieb Bo:\nWas zahlen wir?"),
    ]


def test_answers_between_questions_stay_there(tmp_path: Path) -> None:
    assert plain(tmp_path, "> Rate?\n150.\n> From when?\nMay.\n") == [
        ("note", "Rate?"),
        ("paragraph", "150."),
        ("note", "From when?"),
        ("paragraph", "May."),
    ]


@pytest.mark.parametrize(
    "mark",
    ["-----Original Message-----", "________________________________",
     "From: Bo <bo@example.com>\nSent: Friday, 3 May 2024 10:00", "Von: Bo\nGesendet: Freitag"],
)  # fmt: skip
def test_histories_of_outlook(tmp_path: Path, mark: str) -> None:
    found = plain(tmp_path, f"150.\n\n{mark}\nTo: Anna\n\nWhat do we pay?\n")
    assert found[0] == ("paragraph", "150.")
    assert len(found) > 1 and {kind for kind, _ in found[1:]} == {"note"}


def test_a_forwarded_message_is_the_message(tmp_path: Path) -> None:
    headers = HEAD.replace(b"Rates", b"WG: Rates")
    body = "-----Original Message-----\nFrom: Bo\nSent: Friday\n\nWe pay 150.\n"
    assert {kind for kind, _ in plain(tmp_path, body, headers=headers)} == {"paragraph"}
    assert {kind for kind, _ in plain(tmp_path, "> We pay 150.\n")} == {"paragraph"}


@pytest.mark.parametrize(
    "quote",
    ['<blockquote type="cite"><p>What do we pay?</p></blockquote>',
     '<div class="gmail_quote">On Friday Bo wrote:<blockquote>What do we pay?</blockquote></div>',
     '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: Bo</div><p>What do we pay?</p>',
     "<p>From: Bo<br>Sent: Friday</p><p>What do we pay?</p>"],
)  # fmt: skip
def test_histories_in_html(tmp_path: Path, quote: str) -> None:
    source = HEAD + b"Content-Type: text/html\n\n" + f"<body><p>150.</p>{quote}</body>".encode()
    found = shape(read(tmp_path, source))
    assert found[0] == ("paragraph", "150.")
    assert found[-1][0] == "note" and found[-1][1].endswith("What do we pay?")
    assert {kind for kind, _ in found[1:]} == {"note"}


# --- what cannot be read ------------------------------------------------------------------------
@pytest.mark.parametrize(
    "source",
    [b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\n\n--b\n'
     b"Content-Type: application/pgp-encrypted\n\nVersion: 1\n--b--\n",
     b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nMIAGCSq",
     b"\n-----BEGIN PGP MESSAGE-----\n\nhIwDY32hYGCE8MkBA\n-----END PGP MESSAGE-----\n"],
)  # fmt: skip
def test_encrypted(tmp_path: Path, source: bytes) -> None:
    assert files.code_of(read, tmp_path, HEAD + source) == "encrypted"


def test_an_encrypted_file_leaves_the_message(tmp_path: Path) -> None:
    source = (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nHello.\n"
        b"--b\nContent-Type: application/pkcs7-mime; name=smime.p7m\n\nMIAGCSq\n--b--\n"
    )
    parsed = read(tmp_path, HEAD + source)
    assert shape(parsed) == [("paragraph", "Hello.")]
    assert [(n.code, n.names) for n in parsed.warnings] == [("parts-not-read", "smime.p7m")]


def test_signed_messages_are_read(tmp_path: Path) -> None:
    source = (
        b"Content-Type: multipart/signed; boundary=b\n\n--b\nContent-Type: text/plain\n\nHello.\n"
        b"--b\nContent-Type: application/pgp-signature; name=signature.asc\n\nabc\n--b--\n"
    )
    parsed = read(tmp_path, HEAD + source)
    assert shape(parsed) == [("paragraph", "Hello.")]
    assert parsed.warnings == ()


def test_parts_in_parts_end(tmp_path: Path) -> None:
    def nested(depth: int) -> bytes:
        opened = b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth)
        )
        return HEAD + opened + b"\nHello.\n"

    assert shape(read(tmp_path, nested(20))) == [("paragraph", "Hello.")]
    assert files.code_of(read, tmp_path, nested(500)) == "nested-too-deep"


def test_nothing_at_all(tmp_path: Path) -> None:
    assert files.code_of(read, tmp_path, b"\n\n \n") == "no-text"
    assert read(tmp_path, b"Subject: Only this\n\n").text == "Subject: Only this"


@given(st.binary(max_size=400))
def test_any_bytes_end(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.eml"
    path.write_bytes(HEAD + data)
    files.parse(path, EML)
