"""What a process costs: processor time of all its threads, and memory, as the kernel counts them."""

from contextlib import suppress
from pathlib import Path

NANOSECONDS = 1e9
KIB_PER_MIB = 1024


def cpu_seconds(pid: int) -> float:
    """Processor time used so far, to the nanosecond; threads that have ended are not in it."""
    used = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # it ended while we looked
            used += int((task / "schedstat").read_text().split()[0])
    return used / NANOSECONDS


def rss_mib(pid: int) -> float:
    return _status(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / KIB_PER_MIB
    raise LookupError(name)
