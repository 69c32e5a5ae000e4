"""What a notebook may use while it is marked; an assignment says how much."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Seconds by the clock for a cell, a call and the whole, and MiB of memory."""

    cell_s: float
    call_s: float
    total_s: float
    memory_mib: int
