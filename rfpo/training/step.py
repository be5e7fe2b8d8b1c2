"""One training step, on one screen: gather samples, learn from them, account for both."""

from collections import Counter
from time import perf_counter

from rfpo.records import Attempt, Outcome
from rfpo.training.bench import Bench
from rfpo.training.gather import Harvest, gather
from rfpo.training.learn import Lesson, learn
from rfpo.training.state import LoopState

Record = tuple[dict, dict, list[dict]]
"""Metrics (no clock in them), timings, rollout rows."""


def take_step(bench: Bench, state: LoopState, progress: float) -> Record:
    """One step: moves `state` and the engine, and returns what is written down."""
    started = perf_counter()
    harvest = gather(bench, state)
    sampled = perf_counter()
    lesson = learn(bench, state, harvest.samples, progress) if harvest.samples else None
    learned = perf_counter()
    _account(state, harvest, lesson)
    metrics = _rollout_metrics(harvest) | _correction_metrics(harvest, lesson) | _update_metrics(lesson) | _totals(state)
    generated = sum(len(a.completion.tokens) for a in (*harvest.rollouts, *harvest.tries))
    timings = {"seconds": learned - started, "sampling_seconds": sampled - started, "learning_seconds": learned - sampled,
               "tokens_per_second": generated / max(learned - started, 1e-9)}
    state.step += 1
    return metrics, timings, rollout_rows(harvest, lesson)


def _account(state: LoopState, harvest: Harvest, lesson: Lesson | None) -> None:
    tokens, tally = state.tokens, state.tally
    tokens.rollout += sum(len(a.completion.tokens) for a in harvest.rollouts)
    tokens.correction += sum(len(a.completion.tokens) for a in harvest.tries)
    tokens.prompt += sum(len(a.completion.context) for a in (*harvest.rollouts, *harvest.tries))
    tally.stuck += len(harvest.stuck)
    tally.fixed += len({(c.of.completion.request.prompt.id, c.of.completion.request.key.visit) for c in harvest.accepted})
    tally.tries += len(harvest.tries)
    tally.successes += sum(a.solved for a in harvest.tries)
    tally.ungraded += sum(not a.graded for a in (*harvest.rollouts, *harvest.tries))
    reports = lesson.reports if lesson else ()
    state.updates += sum(r.stepped for r in reports)
    state.trained_rows += sum(r.trained_rows for r in reports if r.stepped)
    tokens.trained += sum(r.trained_tokens for r in reports if r.stepped)
    state.idle_steps += not any(r.stepped for r in reports)
    for report in reports:
        state.skipped_updates += report.nan
        state.bad_updates = state.bad_updates + 1 if report.nan else 0 if report.stepped else state.bad_updates


def _rollout_metrics(harvest: Harvest) -> dict:
    rollouts = harvest.rollouts
    graded = [a for a in rollouts if a.graded]
    return {
        "reward": _mean([s.reward for s in harvest.samples]),
        "solved_share": _mean([a.solved for a in graded]),
        "stuck_share": _mean([all(a.wrong for a in g.graded) and bool(g.graded) for g in harvest.groups]),
        "all_solved_share": _mean([all(a.solved for a in g.graded) and bool(g.graded) for g in harvest.groups]),
        "ungraded_share": _mean([not a.graded for a in rollouts]),
        "truncated_share": _mean([a.completion.truncated for a in rollouts]),
        "mean_length": _mean([len(a.completion.tokens) for a in rollouts]),
        "groups": len(harvest.groups), "rounds": harvest.rounds,
    }


def _correction_metrics(harvest: Harvest, lesson: Lesson | None) -> dict:
    """Empty for a run without a correction stage."""
    if not harvest.fixes:
        return {}
    log_weight = [x for x in (lesson.log_weight if lesson else ()) if x is not None]
    fixed = {(c.of.completion.request.prompt.id, c.of.completion.request.key.visit) for c in harvest.accepted}
    leaks = Counter(kind for c in harvest.accepted for kind in c.leaks)
    return {
        "fix_rate": len(fixed) / len(harvest.stuck) if harvest.stuck else None,
        "tries": len(harvest.tries), "try_success": _mean([a.solved for a in harvest.tries]),
        "corrected_rows": sum(s.origin.value == "corrected" for s in harvest.samples),
        "log_r_off": _mean(log_weight),
        "leaked": sum(bool(c.leaks) for c in harvest.accepted), **{f"leak/{kind}": n for kind, n in sorted(leaks.items())},
    }


def _update_metrics(lesson: Lesson | None) -> dict:
    reports = lesson.reports if lesson else ()
    stepped = [r for r in reports if r.stepped]
    names = sorted({name for r in stepped for name in r.statistics})
    return {
        "loss": _mean([r.loss for r in stepped]), "gradient_norm": _mean([r.gradient_norm for r in stepped]),
        "learning_rate": lesson.learning_rate if lesson else None,
        "step_trained_rows": sum(r.trained_rows for r in stepped), "nan_updates": sum(r.nan for r in reports),
        **{name: _mean([r.statistics[name] for r in stepped if name in r.statistics]) for name in names},
    }


def _totals(state: LoopState) -> dict:
    return {"generated_tokens": state.tokens.generated, "rollout_tokens": state.tokens.rollout,
            "correction_tokens": state.tokens.correction, "trained_tokens": state.tokens.trained,
            "updates": state.updates, "trained_rows": state.trained_rows, "skipped_updates": state.skipped_updates}


def rollout_rows(harvest: Harvest, lesson: Lesson | None) -> list[dict]:
    """A row for every completion of the step: trained ones with their numbers, then what was replaced, refused or left."""
    rows, seen = [], set()
    policy = [s for s in harvest.samples if s.stream == "policy"]
    for index, sample in enumerate(policy):
        attempt = sample.provenance.attempt
        seen.add(id(attempt))
        numbers = {} if lesson is None else {
            "advantage": lesson.advantage[index], "log_r_off": lesson.log_weight[index],
            "mean_logp_old": lesson.mean_old[index], "trained": lesson.advantage[index] != 0}
        rows.append(_row(attempt) | {
            "reward": sample.reward, "origin": sample.origin.value, "operator": sample.provenance.operator,
            "tries": sample.provenance.tries, "help": sample.provenance.help, "located": sample.provenance.located,
            "leaks": list(sample.provenance.leaks), "parent_text": sample.provenance.parent_text} | numbers)
    rest = [(a, "sampled") for a in harvest.rollouts] + [(a, "corrected") for a in harvest.tries]
    rows += [_row(attempt) | {"origin": origin, "operator": _operator(attempt)} for attempt, origin in rest
             if id(attempt) not in seen]
    return rows


def _operator(attempt: Attempt) -> str:
    purpose = attempt.completion.request.key.purpose
    return "" if purpose == "rollout" else purpose


def _row(attempt: Attempt) -> dict:
    completion, request = attempt.completion, attempt.completion.request
    return {
        "step": request.key.step, "prompt_id": request.prompt.id, "visit": request.key.visit, "task": request.prompt.task,
        "prompt": request.prompt.text, "text": completion.text, "outcome": attempt.verdict.outcome.value,
        "score": attempt.verdict.score, "reward": float(attempt.verdict.outcome is Outcome.SOLVED), "trained": False,
        "mean_logp_behaviour": _mean(completion.logps), "tokens": len(completion.tokens), "truncated": completion.truncated,
    }


def _mean(values) -> float | None:
    values = list(values)
    return sum(values) / len(values) if values else None
