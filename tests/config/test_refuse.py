"""Combinations that cannot work: the exact line for each, and that what looks like one but works is let through."""

from dataclasses import replace

import pytest

from rfpo.config.change import change
from rfpo.config.refuse import RULES, refuse, refuse_columns, refuse_lengths, refuse_prompts
from rfpo.config.run import ExtraStream
from rfpo.correction.operators.chain import Chain
from rfpo.correction.operators.resample import Resample
from rfpo.correction.operators.rewrite_from_solution import RewriteFromSolution
from rfpo.errors import UserError
from rfpo.objective.regularizer.entropy_bonus import EntropyBonus
from rfpo.objective.regularizer.kl_to_reference import KlToReference
from rfpo.recipes import recipe, recipe_names
from rfpo.records import Prompt
from rfpo.tasks.column_addition import ColumnAddition
from tests.config.build import OwnCritic, OwnOperator, OwnTask, complete, with_objective

GRPO = '{advantage="group_zscore", ratio="token", surrogate="clip", aggregation="token_mean"}'
SFT = '{advantage="constant", ratio="on_policy", surrogate="log_likelihood", aggregation="token_mean"}'
KL_ZERO = 'objective.regularizers=[{kind="kl_to_reference", coefficient=0.0}]'
OWN = "tests.config.build:OwnOperator"

REFUSED = {
    "no_model": ("rfpo", ["model.path="],
                 "model.path is empty; there is nothing to train. Give --model DIR, a Hub name, or a student's name."),
    "no_tasks": ("rfpo", ["tasks=[]"], "tasks is empty; there is nothing to train on. Give --tasks a file or a task's name; "
                                       "see rfpo pieces tasks."),
    "same_task_twice": ("rfpo", ['tasks=["column_addition", {kind="column_addition", digits=4}]'],
                        "tasks.1 is named 'column_addition', as is tasks.0; a prompt must know which of them judges it. "
                        "Give one of them another label, or drop it."),
    "group_of_one": ("grpo", ["group_size=1"],
                     "group_size is 1; the answers to a prompt are compared with each other, so there must be at least 2. Set "
                     "group_size=8."),
    "diagnosis_never_met": ("rfpo", ["fixing.diagnosis.min_graded=9"],
                            "fixing.diagnosis.min_graded is 9 and group_size is 8: no group would ever be stuck. "
                            "Set fixing.diagnosis.min_graded to at most 8."),
    "nothing_stored": ("rfpo", [f'fixing.operator={{kind="{OWN}", what="stored"}}'],
                       f"fixing.operator is '{OWN}', which reads right answers of earlier steps, and fixing.keep is 0: there "
                       "would never be one. Set fixing.keep=8."),
    "no_critic": ("rfpo", [f'fixing.operator={{kind="chain", operators=["resample", "{OWN}"]}}'],
                  f"fixing.operator.operators.1 is '{OWN}', which asks the run's critic, and fixing.critic is none. Give "
                  "fixing.critic one (see rfpo pieces critics), or let the operator ask the policy."),
    "idle_critic": ("rfpo", ["fixing.critic=tests.config.build:OwnCritic"],
                    "fixing.critic is 'tests.config.build:OwnCritic' and fixing.operator is 'fix_located', which does not ask "
                    "it. Set fixing.critic=none, or choose an operator that asks a critic."),
    "cap_below_one_row": ("rfpo", ["fixing.help.max_share=0.005"],
                          "fixing.help.max_share is 0.005 and a step samples 128 rows: not one of them could be a correction. "
                          "Set fixing.help.max_share to at least 0.0079."),
    "more_updates_than_prompts": ("grpo", ["updates_per_step=32"],
                                  "updates_per_step is 32 and prompts_per_step is 16: an update would get no group. "
                                  "Set updates_per_step to at most 16."),
    "stale_on_policy": ("reinforce", ["epochs=2"],
                        "epochs is 2 and objective.ratio is 'on_policy', which is 1 whatever an earlier update has changed. "
                        "Set objective.ratio=token or epochs=1."),
    "weight_twice": ("rfpo", ["objective.surrogate=clip_times_weight"],
                     "objective.surrogate is 'clip_times_weight', which multiplies 'off_policy_ratio' in, and "
                     "objective.weights holds it again. Set objective.weights=[]."),
    "mismatch_twice": ("grpo", ["objective.ratio=behaviour", 'objective.weights=["engine_mismatch"]'],
                       "objective.ratio is 'behaviour' and objective.weights holds 'engine_mismatch', which that ratio "
                       "contains already. Set objective.ratio=token, or drop the weight."),
    "idle_regularizer": ("grpo", [KL_ZERO],
                         "objective.regularizers.0.coefficient is 0: 'kl_to_reference' would be computed at every step for "
                         "nothing. Drop it from objective.regularizers, or give it a coefficient."),
    "unknown_leak": ("rfpo", ['fixing.reject_leaks=["mention_feedback"]'],
                     "fixing.reject_leaks holds 'mention_feedback', which no test of fixing.leak_tests finds; "
                     "did you mean 'mentions_feedback'?"),
    "all_replaced": ("rfpo", ["fixing.merge=replace_all"],
                     "fixing.merge is 'replace_all' and objective.advantage is 'group_zscore': a group in which all are right "
                     "teaches nothing again. Set fixing.merge=replace_one or append."),
    "stream_missing": ("rfpo", ["fixing.merge=pairs"],
                       "fixing.merge is 'pairs', whose rows are for the stream 'pairs', and the run has no streams.pairs. Add "
                       "it, as in --set 'streams.pairs={pairs=\"dpo\"}', or choose another merge."),
    "stream_without_signal": ("rfpo", ["fixing.merge=extra_loss", f"streams.imitation={{objective={GRPO}}}"],
                              "streams.imitation.objective.advantage is 'group_zscore', which is 0 where all rows of a prompt "
                              "have one reward, as they have in this stream. "
                              "Set streams.imitation.objective.advantage=constant."),
    "stale_stream": ("rfpo", ["fixing.merge=extra_loss", "epochs=2", f"streams.imitation={{objective={SFT}}}",
                              "streams.imitation.objective.surrogate=clip"],
                     "epochs is 2 and streams.imitation.objective.ratio is 'on_policy', which is 1 whatever an earlier update "
                     "has changed. Set streams.imitation.objective.ratio=token or epochs=1."),
    "idle_ratio": ("rfpo", ["fixing.merge.conditioning=guided"],
                   "fixing.merge trains no correction under its original prompt, and objective.weights holds "
                   "'off_policy_ratio', which is defined there only: it would be 1 on every row. Set "
                   "fixing.merge.conditioning=original, or drop the weight."),
    "truncated_parent": ("rfpo", ['fixing.operator={kind="avoid_answers", concise=true}'],
                         "fixing.operator.concise is true, by which a truncated answer can be corrected, and "
                         "objective.weights holds 'off_policy_ratio', which would take its mean log-prob, too high for want of "
                         "an end. Set fixing.operator.concise=false, or drop the weight."),
    "nothing_drawn": ("rfpo", ["fixing.operator=demonstration", "fixing.merge.trained=drawn"],
                      "fixing.merge.trained is 'drawn' and fixing.operator is 'demonstration', of which no token is drawn: "
                      "nothing would be trained. Set fixing.merge.trained=answer."),
    "first_turn_let_go": ("rfpo", ['fixing.merge={kind="two_turns", stage=1}', "objective.weights=[]",
                                   f"streams.first_turn={{objective={GRPO}}}"],
                          "fixing.merge.stage is 1, in which first attempts are only kept near the reference, and "
                          "streams.first_turn has no regularizer that does. Set "
                          'streams.first_turn.objective.regularizers=["kl_to_reference"].'),
    "overlong_out_of_reach": ("dapo", ["sampling.max_tokens=100", "rewards.1.limit=64"],
                              "rewards.1 punishes answers from 52 to 64 tokens and sampling.max_tokens, which is 100, is not "
                              "among them. Set rewards.1.limit=100, or leave limit and buffer out."),
}


def refusal(work) -> str:
    with pytest.raises(UserError) as refused:
        work()
    return str(refused.value)


@pytest.mark.parametrize("rule", REFUSED)
def test_refused_in_one_line(rule):
    name, changes, line = REFUSED[rule]
    assert refusal(lambda: refuse(change(complete(name), changes))) == line


def test_the_main_streams_name_is_taken():
    run = complete(streams={"policy": ExtraStream(objective=recipe("grpo").objective)})
    assert refusal(lambda: refuse(run)) == ("streams.policy is the name of the main objective's own stream; choose another "
                                            "name for a further loss.")


def test_every_rule_has_its_line_here():
    assert {rule.__name__ for rule in RULES} == {*REFUSED, "reserved_stream"}


@pytest.mark.parametrize("name", recipe_names())
def test_no_recipe_is_refused_but_for_a_critic_that_it_needs(name):
    run = complete(name)
    if run.fixing and "critic" in run.fixing.operator.reads:
        assert "asks the run's critic, and fixing.critic is none" in refusal(lambda: refuse(run))
        run = replace(run, fixing=replace(run.fixing, critic=OwnCritic()))
    refuse(run)


@pytest.mark.parametrize("name, changes", [
    ("reinforce_pp", ["group_size=2"]),
    ("grpo", ["updates_per_step=16", "epochs=2"]),
    ("rfpo", ["objective.weights=[]"]),
    ("rfpo", ["objective.surrogate=clip_times_weight", "objective.weights=[]"]),
    ("rfpo", ['fixing.reject_leaks=["no_derivation"]']),
    ("rfpo", [f'fixing.operator={{kind="{OWN}", what="stored"}}', "fixing.keep=1"]),
    ("rfpo", [f'fixing.operator={{kind="chain", operators=["resample", "{OWN}"]}}',
              "fixing.critic=tests.config.build:OwnCritic"]),
    ("rfpo", ["fixing.help.max_share=0.0079"]),
    ("grpo", []),
    ("dapo", ["sampling.max_tokens=60"]),
    ("rfpo", ['fixing.merge={kind="replace_k", k=7}']),
    ("rfpo", ["fixing.merge=replace_all", "objective.advantage=batch_whitened"]),
    ("rfpo", ["fixing.merge=replace_all", "fixing.diagnosis=each_wrong"]),
    ("rfpo", ["fixing.merge=pairs", 'streams.pairs={pairs="dpo"}']),
    ("rfpo", ["fixing.merge=extra_loss", "epochs=2", f"streams.imitation={{objective={SFT}}}"]),
    ("rfpo", ["fixing.merge.conditioning=both"]),
    ("rfpo", ["fixing.merge.conditioning=guided", "objective.weights=[]"]),
    ("rfpo", ["fixing.operator=demonstration"]),
    ("grpo", ['objective.weights=["engine_mismatch"]']),
    ("reinforce", ["epochs=2", "objective.ratio=token"]),
])
def test_its_neighbour_works(name, changes):
    refuse(change(complete(name), changes))


def test_a_column_that_the_learner_does_not_offer():
    run = with_objective("grpo", regularizers=(KlToReference(),))
    assert refusal(lambda: refuse_columns(run, frozenset({"old", "update"}))) == (
        "objective: 'kl_to_reference' reads 'reference', which this engine does not offer; it offers old, update. "
        "Choose another piece or another engine.")
    refuse_columns(run, frozenset({"old", "reference"}))


def test_a_column_of_a_further_stream():
    stream = ExtraStream(objective=with_objective("reinforce", regularizers=(EntropyBonus(),)).objective)
    line = refusal(lambda: refuse_columns(complete("reinforce", streams={"extra": stream}), frozenset({"old"})))
    assert line.startswith("streams.extra.objective: 'entropy_bonus' reads 'entropy'")


def test_rewriting_from_solutions_that_are_not_there():
    run = complete()
    run = replace(run, fixing=replace(run.fixing, operator=RewriteFromSolution()))
    with_solutions, without = ColumnAddition(size=4, evaluation_size=2), OwnTask()
    prompts = [*with_solutions.training_prompts(), *without.training_prompts()]
    assert refusal(lambda: refuse_prompts(run, prompts)) == (
        "fixing.operator is 'rewrite_from_solution' and no prompt of task 'own' has a solution. "
        "Set fixing.operator=fix_located, or give the prompts an answer.")
    refuse_prompts(complete(), prompts)
    refuse_prompts(run, OwnTask(solutions=True).training_prompts())


@pytest.mark.parametrize("what, data, works", [
    ("solution", {}, False), ("worked", {}, False), ("solution", {"worked": "1+1 is 2"}, False),
    ("worked", {"worked": "1+1 is 2"}, True), ("worked", {"demonstrations": ["2"]}, True), ("offsets", {}, True),
    ("hints", {}, False), ("hints", {"worked": "1+1 is 2"}, False),
])
def test_an_operator_that_reads_what_the_data_do_not_hold(what, data, works):
    run = complete()
    run = replace(run, fixing=replace(run.fixing, operator=Chain(operators=(Resample(), OwnOperator(what=what)))))
    prompts = [Prompt("own/1", "1+1=", "own", data=data), Prompt("sum/1", "1+2=", "sum", solution="3")]
    if works:
        refuse_prompts(run, prompts)
    elif what == "hints":
        assert refusal(lambda: refuse_prompts(run, prompts)) == (
            f"fixing.operator.operators.1 is '{OWN}' and no prompt of task 'own' has hints. "
            "Set fixing.operator=fix_located, or give the prompts hints (a column `hints`).")
        return
    else:
        assert refusal(lambda: refuse_prompts(run, prompts)) == (
            f"fixing.operator.operators.1 is '{OWN}' and no prompt of task 'own' has a solution. "
            "Set fixing.operator=fix_located, or give the prompts an answer.")
    refuse_prompts(run, prompts[1:])
    refuse_prompts(run, [*prompts, replace(prompts[0], solution="2")])


def test_a_streak_that_no_prompt_can_have():
    changes = ['fixing.diagnosis={kind="all_of", diagnoses=["stalled", "sometimes"]}', "fixing.diagnosis.diagnoses.0.streak=3",
               "steps=2", "prompts_per_step=2", "updates_per_step=1"]
    run = change(complete(), changes)
    prompts = ColumnAddition(size=4, evaluation_size=2).training_prompts()
    assert refusal(lambda: refuse_prompts(run, prompts)) == (
        "fixing.diagnosis.diagnoses.0.streak is 3 and the run visits a prompt at most 1 time: no group would ever meet it. "
        "Set fixing.diagnosis.diagnoses.0.streak to at most 1, or give more steps.")
    refuse_prompts(run, prompts[:1])  # four visits of the one prompt
    refuse_prompts(change(run, ["steps=5"]), prompts)  # ten draws of four prompts: two of them are visited three times
    refuse_prompts(change(run, ["dynamic_sampling.max_rounds=3"]), prompts)


def test_a_diagnosis_in_a_combination_that_is_never_met():
    run = change(complete(), ['fixing.diagnosis={kind="any_of", diagnoses=["all_wrong", {kind="pass_rate", min_graded=9}]}'])
    assert refusal(lambda: refuse(run)) == (
        "fixing.diagnosis.diagnoses.1.min_graded is 9 and group_size is 8: no group would ever meet it. "
        "Set fixing.diagnosis.diagnoses.1.min_graded to at most 8.")


def test_no_prompts():
    assert refusal(lambda: refuse_prompts(complete(), [])) == (
        "tasks have no training prompts; there is nothing to train on. Give at least one.")


def test_a_context_too_short_for_the_longest_prompt_or_for_max_tokens():
    run = complete()
    assert refusal(lambda: refuse_lengths(run, 100, {"a": 7, "data.jsonl:17": 100})) == (
        "prompt 'data.jsonl:17' is 100 tokens long and the model's context is 100: there is no room for an answer. "
        "Shorten it or leave it out.")
    assert refusal(lambda: refuse_lengths(run, 64, {"a": 7, "b": 10})) == (
        "sampling.max_tokens is 64 and the model's context is 64 tokens, prompt included. Set it to at most 54.")
    refuse_lengths(run, 65, {"a": 7})
