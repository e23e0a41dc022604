"""A table as a file for spreadsheets: RFC 4180 in UTF-8, and nothing in it that a spreadsheet would carry out.

What begins like a formula is a formula to spreadsheets, wherever it came from (OWASP ASVS 5.0.0 1.2.10): a mark before
it makes it text.
"""

import csv
import io
from collections.abc import Iterable, Sequence

MARK_OF_UTF_8 = "\ufeff"
"""Without it some spreadsheets take another encoding for granted."""
PASSED_OVER = " \u00a0\u200b\u200e\u200f\u202a\u202b\u202d\u202e\u2066\u2067\u2068\ufeff"
LIKE_A_FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")


def written(rows: Iterable[Sequence[str]]) -> bytes:
    """The file, or the beginning of one."""
    return MARK_OF_UTF_8.encode() + lines(rows)


def lines(rows: Iterable[Sequence[str]]) -> bytes:
    """What may be put to the end of one. Lines end as the standard says."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows([harmless(cell) for cell in row] for row in rows)
    return file.getvalue().encode()


def harmless(cell: str) -> str:
    """The same words, and only words: also behind blanks, which some spreadsheets pass over."""
    return f"'{cell}" if cell.lstrip(PASSED_OVER).startswith(LIKE_A_FORMULA) else cell
