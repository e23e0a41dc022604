"""Figures of a run: medians beside the raw homeserver's, and counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Row:
    """One line of the table. `seconds` and `limit`: each sample's time, ours and the raw homeserver's."""

    what: str
    seconds: Sequence[float]
    limit: Sequence[float] = ()
    limit_is: str = ""
    note: str = ""


def table(rows: Sequence[Row]) -> str:
    head = ("what", "n", "p50", "p95", "p99", "limit p50", "ratio", "limit is", "note")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    shown = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]
    return "\n".join([shown[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *shown[1:]])


def _cells(row: Row) -> tuple[str, ...]:
    if not row.seconds:
        return (row.what, *[""] * 7, row.note)
    middle = median(row.seconds)
    limit = median(row.limit) if row.limit else None
    return (
        row.what,
        str(len(row.seconds)),
        _ms(middle),
        _ms(high(row.seconds, 95)),
        _ms(high(row.seconds, 99)),
        _ms(limit) if limit else "",
        f"{middle / limit:.2f}" if limit else "",
        row.limit_is,
        row.note,
    )


def high(seconds: Sequence[float], percent: int) -> float:
    """A percentile; of few samples the largest."""
    return quantiles(seconds, n=100, method="inclusive")[percent - 1] if len(seconds) >= 20 else max(seconds)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
