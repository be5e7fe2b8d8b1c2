"""Studies that nobody ran: deterministic cells of a plan, clean or with one planted bug."""

from collections.abc import Iterable
from dataclasses import replace
from math import exp
from random import Random

from rfpo.study.plan import ArmPlan, Claim, Measure, Plan, TaskPlan
from rfpo.study.results import BINS, Base, CellResult, Mark, OperatorTally, digits

BUDGET, STEPS = 100_000, 40
ARMS = {  # name: recipe, changes, end of its curve on the stuck prompts, and the gamma that is measured
    "rfpo": ("rfpo_outer", {}, 0.62, 0.7),
    "grpo": ("grpo", {}, 0.04, None),
    "gamma_0": ("rfpo_outer", {"objective.weights.0.gamma": 0.0}, 0.61, 0.0),
    "inverse": ("rfpo_inverse", {}, 0.55, -0.8),
    "uncapped": ("rfpo_outer", {"objective.weights.0.cap": "none"}, 0.66, 1.02),
    "shuffled": ("rfpo_shuffled", {"objective.weights.0.gamma": 1.0}, 0.12, 0.7),
    "plain": ("rfpo_outer", {"objective.weights": []}, 0.60, None),
    "extra": ("extra_samples", {}, 0.20, None),
}
TASKS = ("column_addition", "spell_backward", "third_task")


def plan(arms: int = 8, tasks: int = 2, seeds: int = 4, **changes) -> Plan:
    """The first arms of ARMS, then copies of rfpo; a claim for every six arms against rfpo, and rfpo against grpo first."""
    names = [*list(ARMS)[:arms], *(f"variant_{index}" for index in range(8, arms))]
    made = {name: ArmPlan(recipe=ARMS[name][0] if name in ARMS else "rfpo_outer", set=ARMS[name][1] if name in ARMS else {},
                          spends_like="rfpo" if name == "extra" else None) for name in names}
    rest = [name for name in names if name not in ("rfpo", "grpo")]
    claims = {"first": Claim(text="Do located corrections help at all?", contrasts=(("rfpo", "grpo"),))} if arms > 1 else {}
    for index in range(0, len(rest), 6):
        some = rest[index:index + 6]
        text = f"What do {' and '.join(some)} change, everything else being as in the recommended recipe?"
        claims[f"claim_{index}"] = Claim(text=text, contrasts=tuple((arm, "rfpo") for arm in some))
    measure = Measure(stuck_prompts=32, other_prompts=16, marks=8)
    return Plan(**{"name": "synthetic", "arms": made, "seeds": seeds, "claims": claims, "measure": measure,
                   "tasks": {task: TaskPlan(student=task, token_budget=BUDGET) for task in TASKS[:tasks]}} | changes)


def top(arm: str) -> float:
    return ARMS[arm][2] if arm in ARMS else 0.40 + 0.3 * Random(arm).random()


def cell(arm: str, task: str, seed: int, **changes) -> CellResult:
    """What one cell of such a plan might have kept."""
    draw, fixing, gamma = Random(f"{arm} {task} {seed}"), arm != "grpo", ARMS[arm][3] if arm in ARMS else 0.7
    marks = [_mark(Random(f"{task} {seed}"), 0, 8, 0.0)]
    end = top(arm) - 0.1 * TASKS.index(task) * fixing + draw.gauss(0, 0.03)
    marks += [_mark(draw, index, 8 if index == 8 else 2, max(0.01, end) * (1 - exp(-0.5 * index))) for index in range(1, 9)]
    spent = 30_000 if fixing else 0
    kept = dict(
        arm=arm, task=task, seed=seed, key="0", marks=tuple(marks), steps=STEPS, updates=draw.randint(60, 80) if fixing else 9,
        trained_rows=2000, idle_steps=0, rollout_tokens=BUDGET - spent + draw.randint(0, 900), correction_tokens=spent,
        trained_tokens=60_000, prompt_tokens=50_000, evaluation_tokens=90_000, stuck=300, fixed=120 if fixing else 0,
        seconds=40 + 9 * draw.random(), core_seconds=55 + 9 * draw.random(), commit="abc")
    if fixing:
        hill = [round(900 * exp(-((index - 33) / 6) ** 2 / 2) * draw.uniform(0.8, 1.2)) for index in range(BINS)]
        kept |= dict(
            corrected_rows=120, corrected_trained=115, told={"place": 400, "wrong": 7}, leaks={"meta_words": 2},
            operators={"fix_located": OperatorTally(tries=500, right=120, tokens=spent, leaked=2)},
            r_off=tuple(hill) if gamma is not None else (), slope=gamma, slope_rows=100 if gamma is not None else 0,
            correction_tokens_by_step=(spent // STEPS,) * STEPS, updates_by_step=(2,) * STEPS,
            examples=({"prompt": "27+15=", "before": "7 5 12;2 1 3;32", "after": "7 5 12;2 1 4;42", "error_start": 7,
                       "error_end": 12, "told": "place"},))
    return CellResult(**kept | changes)


def _mark(draw: Random, index: int, samples: int, share: float, stuck: int = 32, other: int = 16) -> Mark:
    def counts(prompts: int, share: float) -> str:
        return digits([sum(draw.random() < share for _ in range(samples)) for _ in range(prompts)])

    return Mark(step=5 * index, tokens=BUDGET // 8 * index, samples=samples, stuck=counts(stuck, share),
                other=counts(other, 0.97))


def cells(plan: Plan) -> list[CellResult]:
    return [cell(*name) for name in plan.cells()]


def bases(plan: Plan) -> dict[str, Base]:
    return {task: Base(task=task, stuck=tuple(f"s{i}" for i in range(32)), other=tuple(f"o{i}" for i in range(16)),
                       stuck_draws=64, beyond=tuple(0 if i % 4 else 3 for i in range(32)), beyond_draws=1024)
            for task in plan.tasks}


def changed(results: Iterable[CellResult], arm: str, **changes) -> list[CellResult]:
    """The cells, those of one arm with other numbers: a planted bug."""
    return [replace(result, **changes) if result.arm == arm else result for result in results]
