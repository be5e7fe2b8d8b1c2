"""Every trigger by hand: which groups are stuck, what is read, and what each degenerates to."""

from dataclasses import replace

import pytest

from rfpo.config.change import change
from rfpo.config.load import from_plain
from rfpo.config.save import to_plain
from rfpo.diagnosis import Diagnosis
from rfpo.diagnosis.all_of import AllOf
from rfpo.diagnosis.all_truncated import AllTruncated
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.diagnosis.always import Always
from rfpo.diagnosis.any_of import AnyOf
from rfpo.diagnosis.each_wrong import EachWrong
from rfpo.diagnosis.low_variance import LowVariance
from rfpo.diagnosis.pass_rate import PassRate
from rfpo.diagnosis.sometimes import Sometimes
from rfpo.diagnosis.stalled import Stalled
from rfpo.errors import UserError
from rfpo.pieces import find, kind_of, names
from rfpo.records import Finish, History, Verdict
from tests.config.build import complete
from tests.correction.builders import attempt, group, solved, truncated, ungraded, wrong

PIECES = [AllWrong(), PassRate(), LowVariance(), EachWrong(), Always(), Stalled(), AllTruncated(), Sometimes(),
          AnyOf(diagnoses=(AllWrong(), PassRate())), AllOf(diagnoses=(AllWrong(), Sometimes()))]


def scored(*scores):
    """Wrong answers with part marks, right ones with full marks."""
    return group(*(attempt("x", Verdict.solved("x") if score == 1 else Verdict.wrong("x", score=score)) for score in scores))


def of(right, failed):
    return group(*[solved()] * right, *[wrong("a")] * failed)


@pytest.mark.parametrize("piece", PIECES, ids=kind_of)
def test_is_a_diagnosis_that_its_name_finds_and_a_run_file_holds(piece):
    assert isinstance(piece, Diagnosis) and find("rfpo.diagnosis", kind_of(piece)) is type(piece)
    run = complete()
    run = replace(run, fixing=replace(run.fixing, diagnosis=piece))
    assert from_plain(to_plain(run)) == run


def test_no_trigger_is_left_out_here():
    assert {kind_of(piece) for piece in PIECES} == set(names("rfpo.diagnosis"))


@pytest.mark.parametrize("piece", PIECES[:-3], ids=kind_of)
def test_of_a_group_of_which_nothing_is_known_nothing_is_said(piece):
    assert piece(group()) is piece(group(ungraded("?"), ungraded("?"))) is False


@pytest.mark.parametrize("cls", [AllWrong, PassRate, LowVariance, EachWrong, AllTruncated])
def test_too_few_graded_answers_say_nothing(cls):
    one = group(truncated("a"), ungraded("?"))
    assert cls(min_graded=1)(one) and not cls()(one) and cls()(group(truncated("a"), truncated("b")))
    with pytest.raises(UserError, match="min_graded is 0"):
        cls(min_graded=0)


@pytest.mark.parametrize("right, failed, at_most, stuck", [
    (0, 8, 0.0, True), (1, 7, 0.0, False), (1, 7, 0.125, True), (2, 6, 0.125, False), (2, 6, 0.25, True),
    (3, 7, 0.3, True), (1, 2, 0.33, False), (8, 0, 0.99, False),
])
def test_pass_rate(right, failed, at_most, stuck):
    assert PassRate(at_most=at_most)(of(right, failed)) is stuck


def test_pass_rate_counts_graded_answers_only():
    assert not PassRate(at_most=0.25)(group(solved(), wrong("a"), ungraded("?"), ungraded("?")))  # 1 of 2, not 1 of 4


@pytest.mark.parametrize("scores, stuck", [
    ([0, 0, 0, 0], True),
    ([0.1, 0.1, 0.1, 0.1], True),
    ([0.3, 0.3, 0.3, 0.3], False),  # alike, but not low
    ([0.0, 0.0, 0.0, 0.4], False),  # low, but they differ: the deviation is .173
    ([0.0, 0.09], True),  # .045 of the population; .0636 of a sample, which would not be stuck
    ([0.0, 0.1], False),  # .05 is not below .05
    ([1, 0, 0, 0, 0, 0, 0, 0], False),
    ([1, 1, 1], False),
])
def test_low_variance_reads_scores(scores, stuck):
    assert LowVariance()(scored(*scores)) is stuck


def test_low_variance_bounds():
    assert LowVariance(std=0.2)(scored(0.0, 0.0, 0.0, 0.4)) and LowVariance(mean=0.31)(scored(0.3, 0.3))


@pytest.mark.parametrize("attempts, stuck", [
    ((solved(), wrong("a")), True), ((solved(), solved()), False), ((wrong("a"), wrong("b")), True),
    ((solved(), solved(), ungraded("?")), False), ((solved(), truncated("a")), True),
])
def test_each_wrong(attempts, stuck):
    assert EachWrong()(group(*attempts)) is stuck


def test_always_is_every_group_of_which_something_is_known():
    assert Always()(of(8, 0)) and Always()(of(0, 1)) and Always()(group(ungraded("?"), wrong("a")))


@pytest.mark.parametrize("streak, before, attempts, stuck", [
    (3, 2, (wrong("a"), wrong("b")), True),
    (3, 1, (wrong("a"), wrong("b")), False),
    (3, 9, (wrong("a"), solved()), False),  # this visit ends it
    (3, 9, (ungraded("a"), ungraded("b")), False),
    (1, 0, (wrong("a"), wrong("b")), True),
])
def test_stalled_counts_this_visit(streak, before, attempts, stuck):
    seen = replace(group(*attempts), history=History(visits=9, stuck_streak=before))
    assert Stalled(streak=streak)(seen) is stuck


def test_stalled_reads_the_streak_and_not_the_visits():
    seen = replace(group(wrong("a"), wrong("b")), history=History(visits=9, stuck_streak=0, solved_share=0.5))
    assert not Stalled()(seen)


@pytest.mark.parametrize("attempts, stuck", [
    ((truncated("a"), truncated("b")), True),
    ((truncated("a"), wrong("b")), False),
    ((truncated("a"), truncated("b"), ungraded("?")), True),
    ((attempt("46", Verdict.solved("46"), finish=Finish.LENGTH), truncated("b")), True),  # never SOLVED
])
def test_all_truncated(attempts, stuck):
    assert AllTruncated()(group(*attempts)) is stuck


def test_sometimes_is_a_share_and_the_same_each_time():
    def drawn(share, **rest):
        return [Sometimes(share=share)(replace(group(), visit=n, **rest)) for n in range(2000)]

    quarter, half = drawn(0.25), drawn(0.5)
    assert quarter == drawn(0.25) != drawn(0.25, step=4) != drawn(0.25, seed=12)
    assert 440 < sum(quarter) < 560 and 930 < sum(half) < 1070  # three deviations: 58 and 67
    assert all(b for a, b in zip(quarter, half, strict=True) if a) and all(drawn(1.0))


def test_combined():
    stuck, mixed, right = of(0, 4), of(1, 3), of(4, 0)
    either = AnyOf(diagnoses=(AllWrong(), PassRate(at_most=0.25)))
    both = AllOf(diagnoses=(EachWrong(), PassRate(at_most=0.25)))
    assert [either(g) for g in (stuck, mixed, right)] == [True, True, False] == [both(g) for g in (stuck, mixed, right)]
    assert AllOf(diagnoses=(AllWrong(), PassRate(at_most=0.25)))(mixed) is False
    assert AnyOf(diagnoses=(AllWrong(),))(mixed) is AllOf(diagnoses=(AllWrong(),))(mixed) is AllWrong()(mixed) is False


def test_combined_from_the_command_line():
    run = change(complete(), ['fixing.diagnosis={kind="all_of", diagnoses=["each_wrong", {kind="sometimes", share=0.2}]}',
                              "fixing.diagnosis.diagnoses.1.share=0.5"])
    assert run.fixing.diagnosis == AllOf(diagnoses=(EachWrong(), Sometimes(share=0.5)))


@pytest.mark.parametrize("make, said", [
    (lambda: PassRate(at_most=1.0), "at_most is 1.0"), (lambda: PassRate(at_most=-0.1), "at_most is -0.1"),
    (lambda: LowVariance(std=0), "std is 0"), (lambda: LowVariance(mean=0), "mean is 0"),
    (lambda: Stalled(streak=0), "streak is 0"), (lambda: Stalled(streak=1.5), "streak is 1.5"),
    (lambda: Sometimes(share=0.0), "share is 0.0"), (lambda: Sometimes(share=1.1), "share is 1.1"),
    (lambda: AnyOf(diagnoses=()), r"diagnoses is \(\)"), (lambda: AllOf(diagnoses=()), r"diagnoses is \(\)"),
])
def test_bad_fields_are_refused(make, said):
    with pytest.raises(UserError, match=said) as refused:
        make()
    assert "\n" not in str(refused.value)
