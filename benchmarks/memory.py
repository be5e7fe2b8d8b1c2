"""Peak resident memory of this process since it was last cleared (Linux)."""

from pathlib import Path


def clear_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # without the right to clear it, the peak is that of the process's life
        pass


def peak_gib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 2**20
    raise RuntimeError("VmHWM is not in /proc/self/status; the benchmarks measure memory on Linux only.")
