"""One training step, on one screen: gather samples, learn from them, account for both."""

from collections import Counter
from math import exp
from time import perf_counter

from rfpo.correction import Try
from rfpo.records import Attempt, Request
from rfpo.training.bench import Bench
from rfpo.training.gather import Harvest, gather
from rfpo.training.learn import Lesson, Seen, learn
from rfpo.training.measures import (
    by_operator,
    by_origin,
    is_answer,
    locator_accuracy,
    mean,
    net_fix_rate,
    of_corrections,
    of_weights,
    recovery,
)
from rfpo.training.state import LoopState

Record = tuple[dict, dict, list[dict]]
"""Metrics (no clock in them), timings, rollout rows."""


def take_step(bench: Bench, state: LoopState, progress: float) -> Record:
    """One step: moves `state` and the engine, and returns what is written down."""
    started, scored = perf_counter(), bench.engine.scored_tokens
    harvest = gather(bench, state, progress)
    sampled = perf_counter()
    lesson = learn(bench, state, harvest.samples, progress) if harvest.samples else None
    learned = perf_counter()
    _account(state, harvest, lesson)
    state.tokens.scored += bench.engine.scored_tokens - scored
    corrected = _correction_metrics(harvest, lesson) | recovery(state.memory) if harvest.fixes else {}
    metrics = _rollout_metrics(harvest) | corrected | _update_metrics(lesson) | totals(state)
    generated = sum(a.completion.drawn for a in (*harvest.rollouts, *harvest.tries))
    timings = {"seconds": learned - started, "sampling_seconds": sampled - started, "learning_seconds": learned - sampled,
               "tokens_per_second": generated / max(learned - started, 1e-9)}
    state.step += 1
    return metrics, timings, rollout_rows(harvest, lesson)


def _account(state: LoopState, harvest: Harvest, lesson: Lesson | None) -> None:
    tokens, tally = state.tokens, state.tally
    tokens.rollout += sum(a.completion.drawn for a in harvest.rollouts)
    tokens.correction += sum(a.completion.drawn for a in harvest.tries)
    tokens.evaluation += sum(a.completion.drawn for answers in harvest.controls for a in answers)
    tokens.critic += sum(len(a.completion.tokens) for a in harvest.tries if a.completion.request.to == "critic")
    tokens.prompt += sum(len(a.completion.context) for a in (*harvest.rollouts, *harvest.tries) if a.completion.drawn)
    tally.stuck += len(harvest.stuck)
    tally.fixed += harvest.fixed
    tally.tries += sum(map(is_answer, harvest.tries))
    tally.successes += sum(a.solved for a in harvest.tries if is_answer(a))
    tally.too_long += harvest.too_long
    tally.unasked += harvest.unasked
    tally.ungraded += sum(not a.graded for a in (*harvest.rollouts, *harvest.tries) if a.completion.request.judged)
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
        "reward": mean([s.reward for s in harvest.samples]),
        "solved_share": mean([a.solved for a in graded]),
        "stuck_share": mean([all(a.wrong for a in g.graded) for g in harvest.groups if g.graded]),
        "all_solved_share": mean([all(a.solved for a in g.graded) for g in harvest.groups if g.graded]),
        "ungraded_share": mean([not a.graded for a in rollouts]),
        "truncated_share": mean([a.completion.truncated for a in rollouts]),
        "mean_length": mean([len(a.completion.tokens) for a in rollouts]),
        "groups": len(harvest.groups), "rounds": harvest.rounds,
    }


def _correction_metrics(harvest: Harvest, lesson: Lesson | None) -> dict:
    rows = lesson.rows if lesson else ()
    answers = [a for a in harvest.tries if is_answer(a)]
    leaks = Counter(kind for c in harvest.corrections for kind in c.leaks)
    return {
        "trigger_rate": len(harvest.stuck) / len(harvest.groups) if harvest.groups else None,
        "fix_rate": harvest.fixed / len(harvest.stuck) if harvest.stuck else None,
        **net_fix_rate(harvest.fixed, len(harvest.stuck), harvest.controls),
        "tries": len(answers), "try_success": mean(a.solved for a in answers if a.graded),
        "corrected_rows": sum(s.origin.value != "sampled" for s in harvest.samples),
        **of_weights([row.log_r_off for row in rows if row.log_r_off is not None]),
        "guided_gap": mean(row.guided_gap for row in rows if row.guided_gap is not None),
        **of_corrections(harvest.corrections), **by_operator(harvest.tries, harvest.corrections), **by_origin(harvest.samples),
        "locator_accuracy": locator_accuracy(harvest.tries),
        "leaked": sum(bool(c.leaks) for c in harvest.corrections), **{f"leak/{kind}": n for kind, n in sorted(leaks.items())},
    }


def _update_metrics(lesson: Lesson | None) -> dict:
    reports = lesson.reports if lesson else ()
    stepped = [r for r in reports if r.stepped]
    names = sorted({name for r in stepped for name in r.statistics})
    return {
        "loss": mean([r.loss for r in stepped]), "gradient_norm": mean([r.gradient_norm for r in stepped]),
        "learning_rate": lesson.learning_rate if lesson else None,
        "step_trained_rows": sum(r.trained_rows for r in stepped), "nan_updates": sum(r.nan for r in reports),
        **{name: mean([r.statistics[name] for r in stepped if name in r.statistics]) for name in names},
    }


def totals(state: LoopState) -> dict:
    """What has added up since the start of the run."""
    return {"generated_tokens": state.tokens.generated, "rollout_tokens": state.tokens.rollout,
            "correction_tokens": state.tokens.correction,
            "evaluation_tokens": state.tokens.evaluation, "trained_tokens": state.tokens.trained,
            "scored_tokens": state.tokens.scored,
            "updates": state.updates, "trained_rows": state.trained_rows, "skipped_updates": state.skipped_updates}


def rollout_rows(harvest: Harvest, lesson: Lesson | None) -> list[dict]:
    """A row for every sample, with its numbers where it is in the policy's stream; then one for every other completion of the
    step: what was replaced, refused, discarded, or failed."""
    seen = iter(lesson.rows if lesson else ())
    rows = []
    for sample in harvest.samples:
        numbers = _numbers(next(seen)) if sample.stream == "policy" else {"trained": any(sample.trained)}
        rows.append(_row(sample.provenance.attempt, sample.origin.value)
                    | {"reward": sample.reward, "leaks": list(sample.provenance.leaks)} | numbers)
    leaks = {id(correction.by): list(correction.leaks) for correction in harvest.corrections}
    done = {id(sample.provenance.attempt) for sample in harvest.samples}
    tries = [a for a in harvest.tries if a.completion.tokens or a.completion.request.judged]  # a teacher's prompt has no answer
    others = [(a, "sampled") for a in harvest.rollouts] + [(a, "corrected") for a in tries]
    return rows + [_row(a, origin) | {"leaks": leaks.get(id(a), [])} for a, origin in others if id(a) not in done]


def _numbers(seen: Seen) -> dict:
    weight = None if seen.advantage == 0 or seen.log_weight is None else exp(seen.log_weight)
    return {"advantage": seen.advantage, "trained": seen.advantage != 0, "weight": weight, "log_r_off": seen.log_r_off,
            "mean_logp_old": seen.mean_old}


def _told(request: Request) -> dict:
    """What a try at a correction was told, and the wrong answer behind it."""
    if not isinstance(request, Try):
        return {"operator": ""}
    place = request.of.verdict.location
    return {"operator": request.key.purpose, "tries": request.key.attempt + 1, "help": request.help,
            "located": request.located, "parent_text": request.of.completion.text,
            "error_start": place.start if place else None, "error_end": place.end if place else None}


def _row(attempt: Attempt, origin: str) -> dict:
    completion, request = attempt.completion, attempt.completion.request
    return {
        "step": request.key.step, "prompt_id": request.prompt.id, "visit": request.key.visit, "task": request.prompt.task,
        "prompt": request.prompt.text, "text": completion.text, "outcome": attempt.verdict.outcome.value,
        "score": attempt.verdict.score, "reward": float(attempt.solved) if attempt.graded else None, "trained": False,
        "mean_logp_behaviour": mean(logp for logp in completion.logps if logp is not None),
        "tokens": len(completion.tokens), "truncated": completion.truncated,
        "origin": origin, **_told(request),
    }
