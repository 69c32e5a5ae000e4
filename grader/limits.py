"""What a notebook may use while it is marked; an assignment says how much."""

from dataclasses import dataclass, replace

# By the clock on the wall, everything may take this many times as long.
PATIENCE = 6


@dataclass(frozen=True)
class Limits:
    """Seconds of computing for a cell, a call and the whole, and MiB of memory.

    Only what the notebook computes itself counts, so that nobody loses points because
    the machine is busy. PATIENCE bounds what waits instead.
    """

    cell_s: float
    call_s: float
    total_s: float
    memory_mib: int

    def stretched(self, times: float) -> "Limits":
        """Return limits with more time."""
        return replace(
            self,
            cell_s=self.cell_s * times,
            call_s=self.call_s * times,
            total_s=self.total_s * times,
        )
