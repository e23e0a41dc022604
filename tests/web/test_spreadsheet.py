"""A file for spreadsheets is words and nothing else: no formula is carried out, whoever typed it."""

import csv
import io

import pytest

from web import spreadsheet


def test_it_is_written_as_the_standard_says() -> None:
    file = spreadsheet.written([["a", 'say "hello", twice'], ["two\nlines", ""]])
    assert file == '\ufeffa,"say ""hello"", twice"\r\n"two\nlines",\r\n'.encode()
    assert list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline=""))) == [
        ["a", 'say "hello", twice'], ["two\nlines", ""]
    ]  # fmt: skip


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "  =HYPERLINK(1)", "\u200f=1", "\u00a0-2", "\0="],
)
def test_what_begins_like_a_formula_is_only_words(cell: str) -> None:
    assert spreadsheet.harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Ada", "1 = 1", "2026-11-02 12:00:00", "a-b", "'"])
def test_other_words_stay_as_they_are(cell: str) -> None:
    assert spreadsheet.harmless(cell) == cell
