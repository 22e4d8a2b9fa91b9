"""Numbers, days and times as a sheet shows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parsers.number_format import exact, general, is_date, render
from ingest.parsers.sheet_codes import BUILTIN
from ingest.parsers.sheet_locale import ENGLISH, by_country, by_words

ACCOUNTING = '_("$"* #,##0_);_("$"* \\(#,##0\\);_("$"* "-"??_);_(@_)'

CASES = [
    # General
    (1.0, "General", "1"),
    (-3, "General", "-3"),
    (0.1 + 0.2, "General", "0.3"),
    (435057215.45, "General", "435057215.45"),
    (1 / 3, "General", "0.33333333333"),
    (4006381333931, "General", "4006381333931"),
    (1e20, "General", "1E+20"),
    (1.5e-12, "General", "1.5E-12"),
    (0.00001, "General", "0.00001"),
    (True, "General", "TRUE"),
    (False, "0.00", "FALSE"),
    ("text", "General", "text"),
    (5, "", "5"),
    (10**400, "0.0", "#NUM!"),
    (float("nan"), "General", "#NUM!"),
    # decimals, thousands, scaling
    (1234.5, "0", "1235"),
    (2.5, "0", "3"),
    (-2.5, "0", "-3"),
    (1.005, "0.00", "1.01"),
    (1234567.891, "#,##0.00", "1,234,567.89"),
    (999, "#,##0", "999"),
    (0, "#,##0", "0"),
    (0, "#", ""),
    (0.5, "#.##", ".5"),
    (5, "0.#", "5."),
    (7, "00000", "00007"),
    (1234567, '#,##0,"k"', "1,235k"),
    (1234567, '0.0,,"M"', "1.2M"),
    (123456789, "000-00-0000", "123-45-6789"),
    (-0.001, "0.00", "0.00"),
    (-1234.567, "#,##0.00;[Red]-#,##0.00", "-1,234.57"),
    (12, '0 "St."', "12 St."),
    (12, "0 Std", "12 Std"),
    (12.5, "#,##0.00 EUR", "12.50 EUR"),
    (0.1234, "0.0%", "12.3%"),
    (1, "0%", "100%"),
    # currencies
    (1234.5, "#,##0.00\\ [$€-407]", "1,234.50 €"),
    (1234.5, "[$€-2]\\ #,##0.00", "€ 1,234.50"),
    (1234.5, "[$CHF-807] #,##0.00", "CHF 1,234.50"),
    (100, "\\€ 0", "€ 100"),
    (435057215.45, ACCOUNTING, "$435,057,215"),
    (-5, ACCOUNTING, "$(5)"),
    (0, ACCOUNTING, "$-"),
    ("n/a", ACCOUNTING, "n/a"),
    # sections and conditions
    (1, '"Yes";"Neg";"No"', "Yes"),
    (-1, '"Yes";"Neg";"No"', "Neg"),
    (0, '"Yes";"Neg";"No"', "No"),
    (0, "0;-0;;@", ""),
    (5, ";;;", ""),
    ("secret", ";;;", ""),
    ("x", "0;0;0;@@", "xx"),
    (5, '[<10]"low";"high"', "low"),
    (50, '[<10]"low";"high"', "high"),
    (5, '[>=1000]#,##0,"k";0', "5"),
    (5000, '[>=1000]#,##0,"k";0', "5k"),
    (-5, "[<0](0);0", "(5)"),
    (3, '@" kg"', "3"),
    ("3", '@" kg"', "3 kg"),
    # fractions, exponents
    (1.25, "# ?/?", "1 1/4"),
    (0.5, "# ?/?", "1/2"),
    (2, "# ?/?", "2"),
    (1.25, "?/?", "5/4"),
    (0.3, "# ?/8", "2/8"),
    (0.99, "# ?/4", "1"),
    (-1.5, "# ?/2", "-1 1/2"),
    (3.14159, "# ??/??", "3 14/99"),
    (12345, "0.00E+00", "1.23E+04"),
    (12345, "##0.0E+0", "12.3E+3"),
    (0.00012, "0.0E-0", "1.2E-4"),
    (9.999, "0.0E+0", "1.0E+1"),
    (0, "0.00E+00", "0.00E+00"),
    # days
    (44399, "m/d/yy", "7/22/21"),
    (44399, "dd.mm.yyyy", "22.07.2021"),
    (44399, "DD.MM.YYYY", "22.07.2021"),
    (44399, "d-mmm-yy", "22-Jul-21"),
    (44399, "mmmm yyyy", "July 2021"),
    (44399, "mmmmm", "J"),
    (44399, "dddd", "Thursday"),
    (44399, "ddd d", "Thu 22"),
    (44399, "[$-407]d. mmmm yyyy", "22. Juli 2021"),
    (44399, "[$-407]dddd, d. mmm", "Donnerstag, 22. Jul"),
    (44399, "[$-40C]d mmmm yyyy", "22 juillet 2021"),
    (44399, "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "Thursday, July 22, 2021"),
    (44399, "yyyy\\-mm\\-dd;@", "2021-07-22"),
    (1, "d.m.yyyy", "1.1.1900"),
    (59, "d.m.yyyy", "28.2.1900"),
    (60, "d.m.yyyy", "29.2.1900"),
    (61, "d.m.yyyy", "1.3.1900"),
    (0, "d.m.yyyy", "0.1.1900"),
    (2_958_465, "d.m.yyyy", "31.12.9999"),
    (2_958_466, "d.m.yyyy", "2958466"),
    (-1, "d.m.yyyy", "-1"),
    # times
    (44399.5, "dd.mm.yyyy hh:mm", "22.07.2021 12:00"),
    (0.75, "h:mm AM/PM", "6:00 PM"),
    (0.0, "h:mm AM/PM", "12:00 AM"),
    (0.75, "h:mm A/P", "6:00 P"),
    (0.75, "hh:mm:ss", "18:00:00"),
    (1.5, "[h]:mm", "36:00"),
    (1.5, "[mm]:ss", "2160:00"),
    (0.5, "[s]", "43200"),
    (45.123 / 86400, "mm:ss.0", "00:45.1"),
    (45.123 / 86400, "mm:ss.000", "00:45.123"),
    (44398.999999999, "dd.mm.yyyy hh:mm", "22.07.2021 00:00"),
    (44399.5, 'yyyy"-"mm"-"dd"T"hh:mm', "2021-07-22T12:00"),
]


@pytest.mark.parametrize(("value", "code", "shown"), CASES)
def test_what_a_cell_shows(value: object, code: str, shown: str) -> None:
    assert render(value, code) == shown


@pytest.mark.parametrize(
    ("number", "value", "shown"),
    [
        (1, 3.7, "4"),
        (9, 0.256, "26%"),
        (10, 0.256, "25.60%"),
        (14, 44399, "2021-07-22"),
        (15, 44399, "22-Jul-21"),
        (20, 0.5, "12:00"),
        (22, 44399.5, "2021-07-22 12:00"),
        (46, 1.25, "30:00:00"),
        (38, -5, "(5)"),
        (49, 5, "5"),
    ],
)
def test_formats_that_have_a_number_only(number: int, value: float, shown: str) -> None:
    assert render(value, BUILTIN[number]) == shown


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (1234567.891, "#,##0.00", "1.234.567,89"),
        (1234.5, "#,##0.00\\ [$€-407]", "1.234,50 €"),
        (0.1234, "0.0%", "12,3%"),
        (0.1 + 0.2, "General", "0,3"),
        (12345, "0.00E+00", "1,23E+04"),
        (44399, BUILTIN[14], "22.07.2021"),
        (44399.5, BUILTIN[22], "22.07.2021 12:00"),
        (44399, "yyyy-mm-dd", "2021-07-22"),
        (44399, "mmmm yyyy", "Juli 2021"),
        (44399, "[$-409]mmmm yyyy", "July 2021"),
        (True, "General", "WAHR"),
        (5, '"v1.2, "0', "v1.2, 5"),
    ],
)
def test_what_a_german_sees(value: object, code: str, shown: str) -> None:
    assert render(value, code, locale=by_words(["Arbeitsblätter"])) == shown


def test_whose_sheet_a_file_is() -> None:
    assert by_words(["Worksheets", "Tabelle1"]).language == "en"
    assert by_words(["Data", "Normal", "Tabelle 12"]).language == "de"
    assert by_words(["Feuilles de calcul"]).decimal == ","
    assert by_words([]) == by_country(1) == ENGLISH
    assert (by_country(41).thousands, by_country(41).decimal) == ("\u2019", ".")
    assert exact(1234567.5, "#,##0", by_country(49)) == "1234567,5"


def test_days_count_from_1904_where_the_file_says_so() -> None:
    assert render(0, "d.m.yyyy", date1904=True) == "1.1.1904"
    assert render(44399 - 1462, "d.m.yyyy", date1904=True) == "22.7.2021"


@pytest.mark.parametrize(
    ("value", "code", "kept"),
    [
        (435057215.45, "#,##0", "435057215.45"),
        (505920158.7602604, ACCOUNTING, "505920158.7602604"),
        (1234567, '#,##0,"k"', "1234567"),
        (2_000_000, '#,##0,"k"', ""),
        (435057215, "#,##0", ""),
        (1.2345, "0.00", ""),
        (0.4523, "0%", ""),
        (44399.5, "d.m.yyyy", ""),
        (1.5, "General", ""),
        (1.5, "# ?/?", ""),
        (1234.5, "0E+0", ""),
        (True, "0", ""),
        ("1.5", "0", ""),
    ],
)
def test_what_rounding_to_units_hides(value: object, code: str, kept: str) -> None:
    assert exact(value, code) == kept


def test_dates_are_told_from_numbers() -> None:
    assert all(map(is_date, ["d.m.yy", "[h]:mm", "hh:mm", '"am" d.m.']))
    assert not any(map(is_date, ["General", "0.00", '0 "days"', "[Red]0", "0 Std", "@"]))


CODES = st.one_of(
    st.text(max_size=30),
    st.text(alphabet='0#?.,%/@;E+-ymdhs[]"\\_*$€<>= 47AP', max_size=30),
    st.sampled_from([code for _, code, _ in CASES]),
)
VALUES = st.one_of(st.floats(), st.integers(), st.booleans(), st.text(max_size=20))


@given(VALUES, CODES, st.booleans())
def test_no_value_and_no_format_breaks_it(value: object, code: str, date1904: bool) -> None:
    assert isinstance(render(value, code, date1904=date1904), str)
    assert isinstance(exact(value, code), str)
    assert isinstance(is_date(code), bool)


@given(st.floats(-1e14, 1e14))
def test_general_keeps_eleven_digits(value: float) -> None:
    assert float(general(value)) == pytest.approx(value, rel=1e-9, abs=1e-11)


@given(st.integers(-(10**9), 10**9), st.integers(0, 6))
def test_thousands_read_back(value: int, places: int) -> None:
    code = "#,##0" + ("." + "0" * places if places else "")
    shown = render(value / 10**places, code)
    assert float(shown.replace(",", "")) == pytest.approx(value / 10**places)
