"""From a finished run directory to the numbers that are kept of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import floor, log

from rfpo.reporting.store import RunStore
from rfpo.study.results import BIN, BINS, OperatorTally

COLUMNS = ("step", "prompt_id", "visit", "prompt", "text", "outcome", "origin", "operator", "tries", "help", "parent_text",
           "error_start", "error_end", "weight", "log_r_off", "mean_logp_old", "mean_logp_behaviour", "trained")


def tally(store: RunStore) -> dict:
    """The fields of CellResult that are read off a run: ledgers, rows, what was told, leaks, operators, R_off, examples."""
    metrics = store.metrics()
    steps = [record for record in metrics if "reward" in record]  # not the record of before the first step
    corrected, plain = [], []
    for row in store.rollouts():
        (corrected if row["origin"] != "sampled" or row["tries"] is not None else plain).append(row)
    rows = [row for row in corrected if row["trained"]]
    slope, count = measured_gamma(rows, plain)
    return {
        "correction_tokens_by_step": _by_step(steps, "correction_tokens"),
        "updates_by_step": _by_step(steps, "updates"),
        "corrected_rows": sum(record.get("corrected_rows") or 0 for record in steps),
        "corrected_trained": len(rows),
        "told": dict(Counter(row["help"] or "nothing" for row in corrected if row["tries"] is not None)),
        "leaks": _summed(steps, "leak/"),
        "operators": operators(steps),
        "r_off": histogram([row["log_r_off"] for row in rows if row["log_r_off"] is not None]),
        "slope": slope, "slope_rows": count,
        "examples": examples(rows),
    }


def measured_gamma(corrected: Sequence[Mapping], plain: Sequence[Mapping]) -> tuple[float | None, int]:
    """The gamma that the weights of trained corrections follow, and over how many of them: the regression slope, through the
    origin, of log weight on

        d = mean log pi(o | q) - mean log pi(o_f | q)

    with o the wrong answer as it was sampled (the other rows of the step hold it) and o_f as it was scored. It uses nothing
    that the weight was computed from but those two numbers, so that a weight of the wrong sign shows. None without a weight."""
    sampled = {(row["step"], row["prompt_id"], row["visit"], row["text"]): row["mean_logp_behaviour"] for row in plain}
    pairs = []
    for row in corrected:
        parent = sampled.get((row["step"], row["prompt_id"], row["visit"], row["parent_text"]))
        if parent is not None and row["weight"] and row["mean_logp_old"] is not None:
            pairs.append((parent - row["mean_logp_old"], log(row["weight"])))
    square = sum(d * d for d, _ in pairs)
    return (sum(d * w for d, w in pairs) / square if square > 0 else None), len(pairs)


def operators(steps: Sequence[Mapping]) -> dict[str, OperatorTally]:
    """Of each operator, over the whole run."""
    names = sorted({key.split("/")[1] for record in steps for key in record if key.startswith("operator/")})
    found = {}
    for name in names:
        each = [[record.get(f"operator/{name}/{what}") or 0 for what in ("tries", "try_success", "tokens", "leak_rate")]
                for record in steps]
        right = [round(tries * success) for tries, success, _, _ in each]
        found[name] = OperatorTally(tries=sum(row[0] for row in each), right=sum(right), tokens=sum(row[2] for row in each),
                                    leaked=round(sum(n * row[3] for n, row in zip(right, each, strict=True))))
    return found


def histogram(values: Sequence[float]) -> tuple[int, ...]:
    """Counts in the bins of rfpo.study.results; () of nothing."""
    if not values:
        return ()
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, max(0, floor(value / BIN) + BINS // 2))] += 1
    return tuple(counts)


def examples(rows: Sequence[Mapping], most: int = 2) -> tuple[dict, ...]:
    """The first trained corrections, of different prompts."""
    found: dict[str, dict] = {}
    for row in rows:
        if row["outcome"] == "solved" and row["parent_text"] and len(found) < most:
            found.setdefault(row["prompt_id"], {
                "prompt": row["prompt"], "before": row["parent_text"], "after": row["text"], "told": row["help"],
                "error_start": row["error_start"], "error_end": row["error_end"]})
    return tuple(found.values())


def _by_step(steps: Sequence[Mapping], total: str) -> tuple[int, ...]:
    """What each step added to a running total."""
    return tuple(after - before for before, after in pairwise([0, *(record[total] for record in steps)]))


def _summed(steps: Sequence[Mapping], prefix: str) -> dict[str, int]:
    counts: Counter = Counter()
    for record in steps:
        counts.update({key.removeprefix(prefix): value for key, value in record.items() if key.startswith(prefix)})
    return {name: count for name, count in sorted(counts.items()) if count}
