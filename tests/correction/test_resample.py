"""Plain draws: what is asked, how many, and that a success is on-policy."""

from dataclasses import replace

import pytest

from rfpo.correction import Operator
from rfpo.correction._samples import plain
from rfpo.correction.merge.append import Append
from rfpo.correction.operators.resample import Resample
from rfpo.errors import UserError
from rfpo.records import Message, Origin, Prompt, RandomKey, Verdict
from tests.correction.builders import CONTEXT, PROMPT, SAMPLING, attempt, group, play, solved, truncated, ungraded, wrong


def never(request):
    return (attempt("no", Verdict.wrong("no"), request=request),)


def of(right, failed):
    return group(*[solved()] * right, *[wrong(f"w{n}") for n in range(failed)])


def test_it_is_the_original_prompt_with_the_groups_sampling_and_numbers_of_its_own():
    rounds, corrections = play(Resample(tries=3), group(wrong("47"), wrong("48"), visit=5), never)
    asked = [request for requests in rounds for request in requests]
    assert [len(requests) for requests in rounds] == [1, 1, 1] and corrections == () and isinstance(Resample(), Operator)
    assert all(request.content == PROMPT.content and request.sampling is SAMPLING and request.n == 1 for request in asked)
    assert [request.key for request in asked] == [
        RandomKey(seed=11, step=3, prompt="sum/1", visit=5, purpose="resample", attempt=n) for n in range(3)]
    assert [(request.help, request.located, request.of.completion.text) for request in asked] == [
        ("nothing", False, text) for text in ("47", "48", "47")]


def test_a_chat_is_drawn_again_as_it_is():
    chat = Prompt("chat", (Message("system", "s"), Message("user", "12+34=")), task="sum")
    rounds, _ = play(Resample(tries=1), group(wrong("47"), prompt=chat), never)
    assert rounds[0][0].content == chat.content


def test_a_fixed_amount_ends_with_the_first_success():
    rounds, (correction,) = play(Resample(tries=4), of(0, 2), lambda request: (
        never(request) if request.key.attempt < 2 else (attempt("46", Verdict.solved("46"), request=request),)))
    assert len(rounds) == 3
    assert (correction.operator, correction.tries, correction.help) == ("resample", 3, "nothing")


@pytest.mark.parametrize("right, failed, equal, weighted", [
    (0, 8, 24, 56),  # p = 1/16: S = 15/128, N S = 15/16; (4 - 15/16) / S = 26.1 -> 27, capped at 32 - 8; (7.5 - 15/16) / S = 56
    (1, 7, 11, 24),  # S = 7/32; (4 - 1.75) / S = 10.3; (7 - 1.75) / S = 24
    (2, 6, 3, 8),  # S = 3/8; (4 - 3) / S = 2.7; (6 - 3) / S = 8
    (3, 5, 1, 3),  # S = 15/32; (4 - 3.75) / S = .53; (5 - 3.75) / S = 2.7
    (4, 4, 0, 0), (8, 0, 0, 0),
])
def test_the_schedules_of_dars_by_hand(right, failed, equal, weighted):
    for amount, n_max, draws in (("equal_treatment", 32, equal), ("hardness_weighted", 64, weighted)):
        operator = Resample(amount=amount, n_max=n_max)
        rounds, corrections = play(operator, of(right, failed), never)
        assert [len(asked) for asked in rounds] == ([draws] if draws else []) and corrections == ()


def test_the_schedules_count_graded_answers_and_never_go_below_none():
    operator = Resample(amount="equal_treatment")
    assert operator.draws(group(wrong("a"), solved(), ungraded("?"))) == 0  # 1 of 2
    assert operator.draws(group(ungraded("?"))) == 0 == operator.draws(group())
    assert Resample(amount="equal_treatment", n_max=4).draws(of(0, 8)) == 0
    assert Resample(amount="equal_treatment", n_max=9).draws(of(0, 8)) == 1


@pytest.mark.parametrize("amount", ["fixed", "equal_treatment", "hardness_weighted"])
@pytest.mark.parametrize("stuck", [group(), group(truncated("long"), truncated("longer")), group(ungraded("?"), solved())])
def test_without_a_finished_wrong_answer_nothing_is_asked(amount, stuck):
    assert play(Resample(amount=amount), stuck, never) == ([], ())


def test_every_draw_of_dars_joins_the_group_as_a_plain_row():
    stuck, judged = of(1, 3), []

    def answer(request):
        fine = request.key.attempt == 1
        verdict = Verdict.solved("46") if fine else Verdict.wrong("no")
        judged.append(attempt("46" if fine else f"n{request.key.attempt}", verdict, request=request, context=CONTEXT))
        return (judged[-1],)

    rounds, corrections = play(Resample(amount="equal_treatment"), stuck, answer)
    rows = Append(all_tries=True)(stuck, corrections, tuple(judged))
    assert len(rounds) == 1 and len(judged) == 2 and len(corrections) == 1  # S = 3/8, (2 - 1.5) / S = 1.3
    assert rows[:4] == plain(stuck) and [row.reward for row in rows[4:]] == [0.0, 1.0]
    assert all(row.origin is Origin.SAMPLED and row.parent is None and row.counts_for_baseline for row in rows)


def test_the_same_group_asks_the_same_and_another_step_something_else():
    operator, stuck = Resample(amount="equal_treatment"), of(0, 8)
    keys = [request.key for request in play(operator, stuck, never)[0][0]]
    again = [request.key for request in play(operator, replace(stuck, step=4), never)[0][0]]
    assert keys == [r.key for r in play(operator, stuck, never)[0][0]] and len({*keys, *again}) == 48


@pytest.mark.parametrize("fields, said", [
    ({"amount": "equal"}, "did you mean 'equal_treatment'"), ({"tries": 0}, "tries is 0"),
    ({"tries": 2, "at_once": 3}, "at_once is 3"), ({"n_max": 1}, "n_max is 1"),
])
def test_bad_fields_are_refused(fields, said):
    with pytest.raises(UserError, match=said):
        Resample(**fields)
