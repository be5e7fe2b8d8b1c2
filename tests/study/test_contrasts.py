import pytest

from rfpo.errors import UserError
from rfpo.study.contrasts import POOLED, contrasts
from rfpo.study.plan import ArmPlan, Claim, Plan, TaskPlan
from rfpo.study.results import Base, CellResult, Mark, OperatorTally, digits
from rfpo.study.summary import beyond, summary_rows

BUDGET = 1000


def plan(primary="end", seeds=8, tasks=("a",), arms=("grpo", "rfpo"), **others) -> Plan:
    return Plan(name="test", arms={arm: ArmPlan(recipe=arm) for arm in arms}, seeds=seeds, primary=primary,
                tasks={task: TaskPlan(student=task, token_budget=BUDGET) for task in tasks}, **others)


def cell(arm: str, seed: int, end, task="a", samples=8, half_way=None, **others) -> CellResult:
    """Nothing solved at the start; `end` counts a prompt at the budget and, unless said, as many half way."""
    curve = [(0, [0] * len(end)), (BUDGET // 2, end if half_way is None else half_way), (BUDGET, end)]
    marks = tuple(Mark(step, tokens, samples, digits(counts), "88") for step, (tokens, counts) in enumerate(curve))
    return CellResult(**{"arm": arm, "task": task, "seed": seed, "key": "", "marks": marks, "steps": 10, "updates": 5,
                         "trained_rows": 40, "idle_steps": 0, "rollout_tokens": 600, "correction_tokens": 400,
                         "trained_tokens": 500, "prompt_tokens": 100, "evaluation_tokens": 50, **others})


def pair(rfpo, grpo, seeds=8, task="a") -> list[CellResult]:
    """The counts of each arm, plus 1 for the odd seeds so that no two are alike."""
    return [cell(arm, seed, [count + (seed % 2 if arm == "rfpo" else 0) for count in counts], task)
            for seed in range(seeds) for arm, counts in (("rfpo", rfpo), ("grpo", grpo))]


def only(found):
    assert len(found) == 1
    return found[0]


def test_two_seeds_and_three_prompts_by_hand():
    results = [cell("rfpo", 0, [4, 8, 0]), cell("grpo", 0, [0, 4, 4]), cell("rfpo", 1, [8, 8, 4]), cell("grpo", 1, [4, 0, 0])]
    line = only(contrasts(plan(seeds=2), results))
    assert (line.claim, line.arm, line.against, line.task, line.seeds, line.prompts) == ("all", "rfpo", "grpo", "a", 2, 3)
    assert line.by_seed == pytest.approx((0.5 / 3, 2 / 3)), "(.5 + .5 - .5) / 3 and (.5 + 1 + .5) / 3"
    assert line.estimate == pytest.approx(2.5 / 6)
    assert line.d == pytest.approx((2.5 / 6) / (0.5 / 2**0.5))
    assert line.ends == pytest.approx((32 / 48, 12 / 48)) and line.end_difference == pytest.approx(20 / 48)
    assert line.p == line.p_holm == line.smallest_p == 0.5 and line.tests == 1 and line.seeds_for_p == 6
    assert line.low < line.estimate < line.high
    assert line.verdict == "unclear" and line.seeds_wanted == line.seeds_needed > 100


def test_the_area_is_judged_when_it_is_primary():
    """Half the answers from half way on: areas .25 / 2 + .5 / 2 = .375; late: half way 0, end .5: .125."""
    results = [made for seed in range(8) for made in (cell("rfpo", seed, [4, 4]), cell("grpo", seed, [4, 4], half_way=[0, 0]))]
    line = only(contrasts(plan("area"), results))
    assert line.estimate == line.low == line.high == pytest.approx(0.25) and line.end_difference == 0
    assert line.verdict == "better" and line.d is None and line.seeds_needed == 2 and line.seeds_wanted == 6
    assert only(contrasts(plan("end"), results)).verdict == "level"


def test_tokens_to_one_half_as_a_paired_ratio():
    """Half way to 8 of 8 at 500 tokens: one half at 250. From 0 at 500 to 8 at 1000: at 750."""
    results = [cell("rfpo", 0, [8, 8]), cell("grpo", 0, [8, 8], half_way=[0, 0]),
               cell("rfpo", 1, [8, 8]), cell("grpo", 1, [8, 8])]
    line = only(contrasts(plan(seeds=2), results))
    assert line.ratio == pytest.approx((250 / 750 * 250 / 250) ** 0.5) and line.reached == (2, 2)
    line = only(contrasts(plan(seeds=2), [*results[:3], cell("grpo", 1, [0, 0])]))
    assert line.ratio is None and line.reached == (2, 1)


def test_a_reversed_sign_reverses_the_verdict():
    ahead, behind = (only(contrasts(plan(), pair(*counts))) for counts in (([5, 6, 4], [1, 2, 0]), ([1, 2, 0], [6, 7, 5])))
    assert ahead.verdict == "better" and ahead.low > 0 and ahead.p == pytest.approx(2 / 256)
    assert behind.verdict == "worse" and behind.high < 0
    turned = plan(claims={"it": Claim(text="", contrasts=(("grpo", "rfpo"),))})
    line = only(contrasts(turned, pair([5, 6, 4], [1, 2, 0])))
    assert line.verdict == "worse" and line.estimate == -ahead.estimate
    assert (line.low, line.high) == pytest.approx((-ahead.high, -ahead.low))


def test_too_few_seeds_are_unclear_however_large_the_difference():
    line = only(contrasts(plan(seeds=5), pair([5, 6, 4], [0, 0, 0], seeds=5)))
    assert line.low > 0 and line.p == pytest.approx(2 / 32)
    assert line.verdict == "unclear" and line.seeds_for_p == 6 <= line.seeds_wanted


def test_an_interval_that_holds_zero_is_not_better():
    line = only(contrasts(plan(), pair([5, 0, 3], [0, 4, 3])))
    assert line.p < 0.05 and line.low < 0 < line.high and line.verdict == "unclear"


def test_level_needs_a_narrow_interval_and_enough_seeds():
    tilted = [0, 1, 0, -1, 0, 0, 0, 0]
    results = [made for seed, up in enumerate(tilted) for made in (cell("rfpo", seed, [16] * 4 + [16 + up] * 4, samples=35),
                                                                   cell("grpo", seed, [16] * 8, samples=35))]
    line = only(contrasts(plan(), results))
    assert -0.05 <= line.low < 0 < line.high <= 0.05 and line.seeds_needed <= 8 and line.verdict == "level"
    assert only(contrasts(plan(smallest=0.001), results)).verdict == "unclear"
    results = [made for seed, up in enumerate((1, -1)) for made in (cell("rfpo", seed, [16 + up] * 8, samples=35),
                                                                    cell("grpo", seed, [16] * 8, samples=35))]
    line = only(contrasts(plan(seeds=2), results))
    assert -0.05 <= line.low and line.high <= 0.05 and line.seeds_needed > 2
    assert line.verdict == "unclear", "the bootstrap of two seeds is too narrow to trust"


@pytest.mark.parametrize(("rfpo", "grpo", "blind"), [
    ([8] * 20, [7] + [8] * 19, "both end above 0.9"), ([1] + [0] * 19, [0] * 20, "both end below 0.05"),
    ([8] * 20, [0] * 20, ""), ([8] * 20, [7] * 20, ""), ([1] * 20, [0] * 20, ""),
])
def test_a_task_that_is_too_easy_or_too_hard_cannot_tell(rfpo, grpo, blind):
    results = [made for seed in range(8) for made in (cell("rfpo", seed, rfpo), cell("grpo", seed, grpo))]
    line = only(contrasts(plan(), results))
    assert line.blind == blind and (line.verdict == "cannot tell") is bool(blind)
    assert line.estimate is not None and line.p is not None, "the numbers are given all the same"


def test_without_a_pair_nothing_is_told():
    line = only(contrasts(plan(), [cell("rfpo", 0, [4]), cell("grpo", 1, [4])]))
    assert (line.seeds, line.estimate, line.low, line.p, line.ends, line.verdict) == (0, None, None, None, None, "cannot tell")
    assert line.blind == "no seed has both" and line.end_difference is None and line.seeds_wanted is None
    line = only(contrasts(plan(), [cell("rfpo", 0, []), cell("grpo", 0, [])]))
    assert (line.seeds, line.blind, line.verdict) == (1, "no stuck prompt", "cannot tell")


def test_one_seed_has_an_estimate_and_no_more():
    line = only(contrasts(plan(), pair([4, 4], [2, 4], seeds=1)))
    assert line.estimate == pytest.approx(0.125) and line.by_seed == (line.estimate,)
    assert line.low is line.high is line.p is line.p_holm is line.d is line.seeds_needed is None
    assert line.verdict == "unclear" and line.tests == 0


def test_a_missing_cell_leaves_its_seed_out():
    results = [*pair([5, 5], [2, 2], seeds=3), cell("rfpo", 3, [0, 0]), cell("grpo", 4, [8, 8])]
    line = only(contrasts(plan(), results))
    assert line.seeds == 3 and line.by_seed == pytest.approx((3 / 8, 4 / 8, 3 / 8))


def test_only_the_planned_cells_count_and_the_last_of_two():
    results = [cell("rfpo", 0, [0, 0]), *pair([5, 5], [2, 2], seeds=2), cell("rfpo", 1000, [8, 8]), cell("grpo", 1000, [0, 0]),
               cell("other", 1, [8, 8]), cell("rfpo", 1, [8, 8], task="gone")]
    line = only(contrasts(plan(), results))
    assert line.seeds == 2 and line.by_seed == pytest.approx((3 / 8, 4 / 8))
    assert [(row.arm, row.seeds) for row in summary_rows(plan(), results)] == [("grpo", 2), ("rfpo", 2)]


def test_a_claim_takes_its_own_number_of_seeds():
    claims = {name: Claim(text="", contrasts=(("rfpo", "grpo"),), seeds=seeds) for name, seeds in (("few", 3), ("more", 9))}
    assert [line.seeds for line in contrasts(plan(claims=claims), pair([5], [2], seeds=12))] == [3, 9]


def test_cells_of_other_prompts_are_refused():
    with pytest.raises(UserError, match=r"rfpo and grpo on a .*\(2, 3\)"):
        contrasts(plan(), [cell("rfpo", 0, [1, 1]), cell("grpo", 0, [1, 1, 1])])
    with pytest.raises(UserError, match="2, 3"):
        contrasts(plan(), [cell(arm, seed, [1] * (2 + seed)) for arm in ("rfpo", "grpo") for seed in (0, 1)])


def test_holm_counts_the_contrasts_of_one_claim_on_one_task():
    """Two contrasts at 2/256 on each task, twice that; the claim beside it has one p; pooled lines count among themselves."""
    arms, tasks = ("grpo", "rfpo", "third"), ("a", "b")
    claims = {"both": Claim(text="", contrasts=(("rfpo", "grpo"), ("third", "grpo"))),
              "one": Claim(text="", contrasts=(("rfpo", "grpo"),), tasks=("b",))}
    results = [cell(arm, seed, [counts, counts + seed % 2], task) for task in tasks for seed in range(8)
               for arm, counts in (("grpo", 1), ("rfpo", 4), ("third", 5))]
    found = contrasts(plan(arms=arms, tasks=tasks, claims=claims), results)
    assert [(line.claim, line.arm, line.task, line.tests) for line in found] == [
        ("both", "rfpo", "a", 2), ("both", "rfpo", "b", 2), ("both", "rfpo", POOLED, 2),
        ("both", "third", "a", 2), ("both", "third", "b", 2), ("both", "third", POOLED, 2), ("one", "rfpo", "b", 1)]
    assert [line.p_holm * 256 for line in found] == pytest.approx([4, 4, 4, 4, 4, 4, 2])


def test_a_corrected_p_decides():
    """Seven tests of 8 seeds cannot be significant, six can."""
    for others, verdict in ((6, "better"), (7, "unclear")):
        arms = ("grpo", *(f"arm{index}" for index in range(others)))
        results = [cell(arm, seed, [1 if arm == "grpo" else 6] * 4) for arm in arms for seed in range(8)]
        found = contrasts(plan(arms=arms), results)
        assert {line.verdict for line in found} == {verdict} and {line.seeds_for_p > 8 for line in found} == {others == 7}


def test_pooled_over_tasks_by_hand():
    """Per seed 4/8 and 2/8 on a, 1/8 and 1/8 on b: tasks weigh the same whatever their prompts."""
    results = [cell("rfpo", 0, [4]), cell("rfpo", 1, [2]), cell("rfpo", 0, [1] * 9, "b"), cell("rfpo", 1, [1] * 9, "b")]
    results += [cell("grpo", seed, [0] * size, task) for seed in (0, 1) for task, size in (("a", 1), ("b", 9))]
    *_, line = contrasts(plan(tasks=("a", "b")), results)
    assert (line.task, line.tasks, line.seeds, line.prompts) == (POOLED, ("a", "b"), 2, 10)
    assert line.by_seed == pytest.approx((5 / 16, 3 / 16)) and line.estimate == pytest.approx(0.25)
    assert line.ends == pytest.approx(((3 / 8 + 1 / 8) / 2, 0.0))
    assert (line.low, line.high) == pytest.approx((3 / 16, 5 / 16)), "seeds are drawn once for all tasks"
    assert line.reached == (1, 0) and line.ratio is None


def test_pooled_takes_the_seeds_of_every_task_that_has_any():
    results = [*pair([5], [2], seeds=4), *pair([5], [2], seeds=3, task="b"), cell("rfpo", 7, [5], task="c")]
    found = contrasts(plan(tasks=("a", "b", "c")), results)
    assert [(line.task, line.seeds) for line in found] == [("a", 4), ("b", 3), ("c", 0), (POOLED, 3)]
    assert found[-1].tasks == ("a", "b")
    assert [line.task for line in contrasts(plan(tasks=("a", "c")), results)] == ["a", "c"], "one task is not pooled"
    apart = [made for made in results if made.task == "b" or made.seed == 3]
    line = contrasts(plan(tasks=("a", "b")), apart)[-1]
    assert (line.task, line.seeds, line.verdict, line.estimate) == (POOLED, 0, "cannot tell", None)


def test_pooled_can_tell_when_one_of_its_tasks_can():
    easy = [made for seed in range(8) for made in (cell("rfpo", seed, [8] * 4, "b"), cell("grpo", seed, [8] * 4, "b"))]
    alone, blind, pooled = contrasts(plan(tasks=("a", "b")), [*pair([6, 6], [1, 1]), *easy])
    assert (alone.verdict, blind.verdict, pooled.verdict) == ("better", "cannot tell", "better")
    assert pooled.estimate == pytest.approx(alone.estimate / 2)
    easier = [made for seed in range(8) for made in (cell("rfpo", seed, [8] * 4), cell("grpo", seed, [8] * 4))]
    assert contrasts(plan(tasks=("a", "b")), [*easier, *easy])[-1].verdict == "cannot tell"


def test_a_row_of_an_arm_by_hand():
    results = [
        cell("rfpo", 0, [8, 8], stuck=10, fixed=5, told={"place": 3, "wrong": 9}, correction_tokens=400, seconds=2.0,
             operators={"fix": OperatorTally(20, 6, 300, 1), "hint": OperatorTally(5, 2, 30, 1)}),
        cell("rfpo", 1, [4, 0], told={"place": 8, "a": 9, "b": 1, "c": 1, "d": 1}, correction_tokens=0, seconds=4.0)]
    row = only(summary_rows(plan(), results))
    assert (row.task, row.arm, row.seeds) == ("a", "rfpo", 2)
    assert (row.end.mean, row.end.least, row.end.most, row.end.count) == (0.625, 0.25, 1.0, 2)
    assert row.end.sd == pytest.approx(0.75 / 2**0.5) and row.area.mean == pytest.approx((0.75 + 0.1875) / 2)
    assert row.other_before.mean == row.other_after.mean == 1.0
    assert row.told == (("place", 11), ("a", 9), ("wrong", 9), ("b", 1), ("c", 1)), "by number, then by name, five of them"
    assert (row.fix_rate.mean, row.fix_rate.count) == (0.5, 1) and (row.leak_rate.mean, row.leak_rate.count) == (0.25, 1)
    assert row.correction_share.mean == pytest.approx(0.2) and row.generated_tokens.mean == 800 and row.seconds.mean == 3.0
    assert row.updates.mean == 5 and row.trained_rows.mean == 40 and row.reached == 1


@pytest.mark.parametrize(("ends", "middle"), [((8, 8, 0), 250.0), ((8, 0, 0), None), ((8, 0), None), ((8,), 250.0)])
def test_a_seed_that_never_reaches_one_half_is_later_than_any(ends, middle):
    row = only(summary_rows(plan(), [cell("rfpo", seed, [end] * 2) for seed, end in enumerate(ends)]))
    assert row.tokens_to_half == middle and row.reached == sum(end == 8 for end in ends)


def test_rows_without_stuck_prompts_have_no_share():
    row = only(summary_rows(plan(), [cell("grpo", 0, [])]))
    assert row.area is row.end is row.leak_rate is row.fix_rate is row.tokens_to_half is None
    assert row.seconds.sd is None and row.seconds.count == 1


def test_beyond_the_base_model_by_hand():
    """Prompts 0 and 2 are never solved by the base: both in seed 0 by rfpo, one in seed 1, and none by grpo."""
    base = Base(task="a", stuck=("p", "q", "r"), other=(), stuck_draws=64, beyond=(0, 3, 0), beyond_draws=1024)
    results = [cell("rfpo", 0, [1, 0, 8]), cell("rfpo", 1, [0, 8, 1]), cell("grpo", 0, [0, 8, 0]), cell("rfpo", 0, [1], "b")]
    unmeasured = Base(task="b", stuck=("p",), other=(), stuck_draws=64)
    grpo, rfpo = beyond(plan(tasks=("a", "b")), results, [base, unmeasured])
    assert (rfpo.arm, rfpo.task, rfpo.seeds, rfpo.prompts, rfpo.draws, rfpo.samples) == ("rfpo", "a", 2, 2, 1024, 8)
    assert rfpo.share.mean == 0.75 and (grpo.share.mean, grpo.seeds) == (0.0, 1)


def test_beyond_a_base_that_solves_all_and_one_of_other_prompts():
    solved = Base(task="a", stuck=("p",), other=(), stuck_draws=64, beyond=(2,), beyond_draws=1024)
    row = only(beyond(plan(), [cell("rfpo", 0, [8])], [solved]))
    assert row.prompts == 0 and row.share is None
    with pytest.raises(UserError, match="2 stuck prompts and its base has 1"):
        beyond(plan(), [cell("rfpo", 0, [8, 8])], [solved])
