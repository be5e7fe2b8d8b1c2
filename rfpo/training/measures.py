"""What is measured of corrections: how far they are from the wrong answer, how heavily they weigh, and who made them."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from rfpo.correction import Try
from rfpo.records import Attempt, Correction, Sample, common_prefix, edit_distance


def of_corrections(corrections: Sequence[Correction]) -> dict:
    """Means over the accepted corrections of a step, each beside the wrong answer that it corrects: `edit_distance`
    (Levenshtein's over the longer length: 0 for equal ones, 1 for nothing in common), `shared_prefix` (leading tokens that both
    have, as a share of the correction) and `length_ratio` (correction over wrong answer); `tries_to_fix` counts from 1. None of
    a step without corrections."""
    pairs = [(c.of.completion.tokens, c.by.completion.tokens) for c in corrections]
    return {
        "edit_distance": mean(edit_distance(of, by) / max(len(of), len(by), 1) for of, by in pairs),
        "shared_prefix": mean(common_prefix(of, by) / max(len(by), 1) for of, by in pairs),
        "length_ratio": mean(len(by) / max(len(of), 1) for of, by in pairs),
        "tries_to_fix": mean(c.tries for c in corrections),
    }


def of_weights(log_r_off: Sequence[float]) -> dict:
    """The distribution of R_off over a step's trained corrections: its mean log, percentiles, the share above 1, and the
    effective sample size (sum w)^2 / (n sum w^2), 1 for equal weights."""
    if not log_r_off:
        return {"log_r_off": None}
    weight = np.exp(np.asarray(log_r_off, dtype=np.float64))
    low, middle, high = np.percentile(weight, (5, 50, 95))
    return {"log_r_off": mean(log_r_off), "r_off/p5": float(low), "r_off/p50": float(middle), "r_off/p95": float(high),
            "r_off/above_1": float((weight > 1).mean()),
            "r_off/effective_share": float(weight.sum() ** 2 / (len(weight) * (weight**2).sum()))}


def by_operator(tries: Iterable[Attempt], corrections: Iterable[Correction]) -> dict:
    """Of each operator: answers tried, their share that succeeded, tokens drawn (reflections and hints among them), and the
    share of its corrections with a leak, by kind."""
    asked: dict[str, list[Attempt]] = {}
    for attempt in tries:
        asked.setdefault(attempt.completion.request.key.purpose.split("/")[0], []).append(attempt)
    made: dict[str, list[Correction]] = {}
    for correction in corrections:
        made.setdefault(correction.operator, []).append(correction)
    found = {}
    for name in sorted({*asked, *made}):
        answers = [a for a in asked.get(name, ()) if is_answer(a)]
        mine = made.get(name, [])
        kinds = Counter(kind for c in mine for kind in c.leaks)
        found |= {f"operator/{name}/tries": len(answers),
                  f"operator/{name}/try_success": mean(a.solved for a in answers if a.graded),
                  f"operator/{name}/tokens": sum(a.completion.drawn for a in asked.get(name, ())),
                  f"operator/{name}/leak_rate": mean(bool(c.leaks) for c in mine),
                  **{f"operator/{name}/leak/{kind}": n / len(mine) for kind, n in sorted(kinds.items())}}
    return found


def net_fix_rate(fixed: int, stuck: int, controls: Sequence[Sequence[Attempt]]) -> dict:
    """Fix rate beside that of drawing again: `resample_fix_rate` is the share of the stuck groups of which one of the plain
    draws beside the tries was right, and `net_fix_rate` what correcting gains over it. Nothing without such draws."""
    if not controls:
        return {}
    redrawn = mean(any(a.solved for a in answers) for answers in controls)
    return {"resample_fix_rate": redrawn, "net_fix_rate": fixed / stuck - redrawn}


def is_answer(attempt: Attempt) -> bool:
    """A try at an answer: judged, and not there for a leak test only."""
    request = attempt.completion.request
    return request.judged and getattr(request, "role", "answer") != "audit"


def locator_accuracy(tries: Iterable[Attempt]) -> float | None:
    """Share of the tries told a place that were told the true one, among those whose true place is known."""
    told = [request for a in tries if isinstance(request := a.completion.request, Try)
            and request.help == "place" and request.of.verdict.location is not None]
    return mean(request.located for request in told)


def by_origin(samples: Iterable[Sample]) -> dict:
    """Rows of each origin other than plain answers."""
    rows = Counter(s.origin.value for s in samples)
    return {f"rows/{origin}": rows[origin] for origin in ("corrected", "given", "replayed")}


def recovery(memory: dict) -> dict:
    """Over the run so far. `recovered`: share of the prompts that were ever stuck of which a later visit had a right plain
    answer; `retained`: of those, the share whose last visit still had one."""
    stuck = [known for known in memory.get("prompts", {}).values() if known.get("stuck")]
    recovered = [known for known in stuck if known["recovered"]]
    return {"ever_stuck": len(stuck), "recovered": mean(known["recovered"] for known in stuck),
            "retained": mean(bool(known["solved_share"]) for known in recovered)}




def mean(values) -> float | None:
    """None of nothing."""
    values = list(values)
    return sum(values) / len(values) if values else None
