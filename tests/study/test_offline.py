"""One update of every arm on one frozen set: what it says, and that nothing but the update decides it."""

import json
from dataclasses import dataclass, replace
from io import StringIO
from math import sqrt

import pytest
import torch
from rich.console import Console
from torch import Tensor

from rfpo.config.change import put
from rfpo.errors import UserError
from rfpo.objective.advantage.constant import Constant
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.study import offline as under_test
from rfpo.study._offline_frozen import Variants, freeze, samples_of, variants
from rfpo.study._offline_probe import EVEN, Effect, EvenStep, Probe, Reading
from rfpo.study._offline_said import ABOVE, BELOW, SAME, SOURCE, UNCLEAR, SetSaid, TaskSaid, ranked, standard_error
from rfpo.study._offline_shown import left_out_line, ranking
from rfpo.study.cells import run_of
from rfpo.study.offline import examine, offline
from rfpo.study.study import Where
from rfpo.study.work import BaseWork, run_base
from rfpo.training.bench import Bench
from rfpo.training.prepare import engine_of, verifier
from tests.study.small import TEXT, tiny

ARMS = """
[arms.gamma_0]
recipe = "rfpo"
set = { "objective.weights.0.gamma" = 0.0 }
[arms.shuffled]
recipe = "rfpo_shuffled"
set = { "objective.weights.0.gamma" = 1.0 }
[arms.dapo]
recipe = "dapo_drop"
[tasks.sums]
"""
NOTHING = Reading(right=0.0, wrong=0.0, trained_right=0.0, trained_wrong=0.0, chance=0.0)


@dataclass(frozen=True)
class Flipped(GroupZscore):
    def __call__(self, batch) -> Tensor:
        return -super().__call__(batch)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("plan"), TEXT.replace("[tasks.sums]\n", ARMS))


@pytest.fixture(scope="module")
def base(plan):
    return run_base(BaseWork("sums", run_of(plan, "rfpo", "sums", 0), plan.measure))


def runs(plan, seed: int = 3) -> dict:
    """rfpo, and what differs from it after the corrections."""
    rfpo = run_of(plan, "rfpo", "sums", seed)
    with_advantage = {name: replace(rfpo, objective=replace(rfpo.objective, advantage=advantage))
                      for name, advantage in (("flipped", Flipped()), ("nothing", Constant(value=0.0)))}
    return {"rfpo": rfpo, "gamma_0": run_of(plan, "gamma_0", "sums", seed), **with_advantage,
            "warmed": put(rfpo, [("optimizer.warmup_steps", 50)])}


@pytest.fixture(scope="module")
def effects(plan, base):
    return examine("sums", [Variants("rfpo", runs(plan), {})], base, draws=2).sets[0].effects


def test_what_is_frozen_is_the_same_for_every_arm_and_leaves_the_policy_as_it_is(plan):
    all_runs = runs(plan)
    run, grpo = all_runs["rfpo"], run_of(plan, "grpo", "sums", 3)
    with verifier(run.tasks) as judge:
        engine, prompts = engine_of(run), run.tasks[0].training_prompts()
        before = [weight.clone() for weight in engine.network.parameters()]
        bench = Bench(run, engine, judge, prompts, under_test._Silent())
        frozen = freeze(bench, 2)
        assert engine.policy_version == 0 and all(map(torch.equal, before, engine.network.parameters()))
        rows = {name: samples_of(replace(bench, run=each), frozen) for name, each in (all_runs | {"grpo": grpo}).items()}
    assert rows["gamma_0"] == rows["rfpo"] and len(rows["rfpo"]) == 2 and frozen.groups == 8 and frozen.corrections
    assert sum(s.parent is not None for draw in rows["rfpo"] for s in draw) == len(frozen.corrections)
    sampled = [[a.completion.tokens for group in rollout.groups for a in group.attempts] for rollout in frozen.rollouts]
    assert [[s.tokens for s in draw] for draw in rows["grpo"]] == sampled
    prompts = [group.prompt.id for rollout in frozen.rollouts for group in rollout.groups]
    assert len(set(prompts)) == 8, "the second draw is of other prompts"


def test_an_update_on_corrections_makes_right_answers_likelier_and_a_flipped_one_less_likely(effects):
    for way in ("one", "even", "steps"):
        right, wrong = getattr(effects["rfpo"], way), getattr(effects["flipped"], way)
        assert right.right > 0 > wrong.right and right.trained_right > 0 > wrong.trained_right
        assert right.margin == right.right - right.wrong and right.margin > 0 > wrong.margin
    assert effects["rfpo"].steps.right > effects["rfpo"].one.right


def test_the_weight_of_corrections_shows(effects):
    ours, none = effects["rfpo"], effects["gamma_0"]
    assert ours.one != none.one and ours.steps != none.steps and ours.rows == none.rows > 0
    assert 1.1 < ours.gradient_norm / none.gradient_norm <= 2.1, "R_off is at most 2 on a correction, and 1 elsewhere"


def test_where_nothing_is_trained_nothing_changes(effects):
    effect = effects["nothing"]
    assert effect.one == effect.even == NOTHING and effect.rows == 0 and effect.gradient_norm == 0.0
    assert effect.steps == replace(NOTHING, stuck=0.0, other=0.0)


def test_every_way_starts_from_the_untrained_weights(plan, base, effects):
    only = {"rfpo": runs(plan)["rfpo"]}
    effect = examine("sums", [Variants("rfpo", only, {})], base, draws=1).sets[0].effects["rfpo"]
    assert effect.steps.right == pytest.approx(effect.one.right, rel=1e-4), "of one draw, the only step is the one update"
    assert 0 < effects["rfpo"].even.right < effects["rfpo"].one.right, "a tenth as long, it holds nothing of the step before"


def test_a_warm_up_is_left_out(effects):
    assert effects["warmed"] == effects["rfpo"]


def test_the_order_of_the_arms_does_not_matter(plan, base, effects):
    turned = dict(reversed(runs(plan).items()))
    assert examine("sums", [Variants("rfpo", turned, {})], base, draws=2).sets[0].effects == effects


def test_arms_that_sample_or_correct_otherwise_are_left_out_by_name(plan):
    found = variants(plan, "sums", 0)
    assert found.source == "rfpo" and list(found.runs) == ["rfpo", "grpo", "gamma_0"]
    assert found.left_out == {"extra": "follows rfpo", "shuffled": "another fixing.operator",
                              "dapo": "another dynamic_sampling"}
    said = TaskSaid("sums", "rfpo", (), found.left_out, 2, 4, 2)
    assert left_out_line(said) == ("sums, left out: extra (follows rfpo); shuffled (another fixing.operator); dapo "
                                   "(another dynamic_sampling).")


def test_a_cap_and_refused_leaks_come_after_the_corrections_and_help_that_ends_does_not(plan):
    changes = {"capped": {"fixing.help.max_share": 0.1}, "refusing": {"fixing.reject_leaks": ["no_derivation"]},
               "ending": {"fixing.help.until": 0.5}, "eager": {"fixing.leak_tests": []}, "longer": {"group_size": 6}}
    more = {name: replace(plan.arms["rfpo"], set=change) for name, change in changes.items()}
    found = variants(replace(plan, arms=plan.arms | more, claims={}), "sums", 0)
    assert {"capped", "refusing"} < set(found.runs)
    assert {name: found.left_out[name] for name in ("ending", "eager", "longer")} == {
        "ending": "another fixing.help", "eager": "another fixing.leak_tests", "longer": "another group_size"}


def test_without_an_arm_that_corrects_there_is_nothing_to_freeze(plan):
    with pytest.raises(UserError, match="no arm makes corrections of its own"):
        variants(replace(plan, arms={"grpo": plan.arms["grpo"]}, claims={}), "sums", 0)


def test_a_task_on_which_nothing_was_corrected_says_so(plan, base):
    hopeless = put(run_of(plan, "shuffled", "sums", 0), [("fixing.operator.tries", 1)])
    with pytest.raises(UserError, match=r"tasks\.sums: arms\.shuffled corrected no stuck group"):
        examine("sums", [Variants("shuffled", {"shuffled": hopeless}, {})], base, draws=1)


@pytest.mark.parametrize("scale", [1e-3, 50.0])
def test_an_even_step_is_equally_long_whatever_the_gradients_scale(scale):
    weights = [torch.nn.Parameter(torch.zeros(3)), torch.nn.Parameter(torch.zeros(2, 2))]
    for weight in weights:
        weight.grad = scale * torch.arange(1.0, weight.numel() + 1).reshape(weight.shape)
    EvenStep(weights, 0.01).step()
    moved = torch.cat([weight.detach().flatten() for weight in weights])
    assert float(moved.norm()) == pytest.approx(EVEN * 0.01 * sqrt(7))
    assert torch.allclose(moved / moved[0], torch.tensor([1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 4.0])) and moved[0] < 0


def reading(right: float) -> Reading:
    return replace(NOTHING, right=right)


def said(**changes: tuple[float, ...]) -> TaskSaid:
    """A task whose arms changed log pi(right) so much, a number a set."""
    count = len(changes["ours"])
    sets = tuple(SetSaid(seed, 8, 4, 2, NOTHING, {arm: Effect(reading(values[seed]), NOTHING, NOTHING, 1.0, 3)
                                                  for arm, values in changes.items()}) for seed in range(count))
    return TaskSaid("sums", "ours", sets, {}, 2, 4, 2)


def test_arms_are_ranked_by_the_mean_and_judged_by_the_paired_difference():
    lines = ranked(said(ours=(1.0, 2.0, 3.0), better=(1.5, 2.5, 3.6), twin=(1.0, 2.0, 3.0), wild=(5.0, 0.0, 2.5),
                        worse=(0.5, 1.4, 2.5)))
    assert [(line.arm, line.verdict) for line in lines] == [("better", ABOVE), ("wild", UNCLEAR), ("ours", SOURCE),
                                                            ("twin", SAME), ("worse", BELOW)]
    better = lines[0]
    assert better.difference == pytest.approx(1.6 / 3) and better.error == pytest.approx(standard_error((1.5, 2.5, 3.6)))
    half = 4.302653 * standard_error((0.5, 0.5, 0.6))
    assert better.interval == pytest.approx((1.6 / 3 - half, 1.6 / 3 + half))


def test_one_set_has_no_error_and_tells_nothing_apart():
    lines = ranked(said(ours=(1.0,), better=(1.5,)))
    assert [(line.arm, line.verdict, line.error, line.interval) for line in lines] == [
        ("better", UNCLEAR, None, None), ("ours", SOURCE, None, None)]


def test_a_narrow_terminal_gets_fewer_columns_and_every_arm():
    task = said(ours=(1.0, 2.0), a_long_name_of_an_arm=(0.5, 0.2))
    heads = {}
    for width in (80, 160):
        out = StringIO()
        table = ranking(task, width)
        Console(file=out, width=width).print(table)
        heads[width] = [column.header for column in table.columns]
        assert "a_long_name_of_an_arm" in out.getvalue() and "\N{HORIZONTAL ELLIPSIS}" not in out.getvalue()
    assert len(heads[80]) < len(heads[160]) and heads[80] == heads[160][:len(heads[80])]


def test_the_command_prints_the_ranking_and_writes_both_files(plan, base, tmp_path, monkeypatch):
    monkeypatch.setattr(under_test, "SORTING", plan.measure)
    out = StringIO()
    offline(Where(plan, tmp_path, command="rfpo study tiny.toml --offline"), Console(file=out, width=120), sets=2, draws=1)
    printed, page = out.getvalue(), (tmp_path / "offline.html").read_text(encoding="utf-8")
    task = json.loads((tmp_path / "offline.json").read_text(encoding="utf-8"))["tasks"][0]
    assert task["source"] == "rfpo" and (task["stuck"], task["other"]) == (len(base.stuck), len(base.other))
    assert [each["seed"] for each in task["sets"]] == [plan.pilot_seed, plan.pilot_seed + 1]
    effects = [each["effects"] for each in task["sets"]]
    assert effects[0]["rfpo"] != effects[1]["rfpo"], "the sets are drawn by their seeds"
    assert task["sets"][0]["before"]["right"] == task["sets"][1]["before"]["right"], "both sets begin untrained"
    mean = sum(each["rfpo"]["one"]["right"] for each in effects) / 2
    for text in (printed, page):
        assert f"{mean:+.3f}" in text and "extra (follows rfpo)" in " ".join(text.split())
        assert all(arm in text for arm in ("rfpo", "grpo", "gamma_0"))
    assert "<script" not in page and "http" not in page.partition("<body")[2].replace("http://www.w3.org", "")


def test_wrong_answers_are_the_untrained_students_own(plan, base):
    run = run_of(plan, "rfpo", "sums", 3)
    with verifier(run.tasks) as judge:
        engine = engine_of(run)
        bench = Bench(run, engine, judge, tuple(run.tasks[0].training_prompts()), under_test._Silent())
        probe = Probe(bench, under_test._classes(bench, base))
        read = probe.read(freeze(bench, 1))
        texts = [engine.decode(tokens) for _, tokens in probe.wrong]
        assert len(texts) == len(base.stuck) and not any(
            verdict.outcome.name == "SOLVED" for verdict in judge([(p, text) for p, text in
                                                                   zip(probe.classes.stuck, texts, strict=True)]))
    assert read.wrong > -1.0 > -5.0 > read.right, "the student is sure of what is wrong"
    assert 0 < read.chance < 0.01
