"""One operator after the other."""

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from rfpo.config.change import change
from rfpo.config.load import load
from rfpo.config.save import save
from rfpo.correction import Operator
from rfpo.correction.fix import fix
from rfpo.correction.operators.chain import Chain
from rfpo.correction.operators.fix_located import FixLocated
from rfpo.correction.operators.fix_wrong_only import FixWrongOnly
from rfpo.correction.operators.resample import Resample
from rfpo.errors import UserError
from rfpo.records import Verdict
from tests.config.build import complete
from tests.correction.builders import answered, group, play, solved, truncated, wrong

THREE = Chain(operators=(Resample(tries=2), FixLocated(tries=1, otherwise="skip"), FixWrongOnly(tries=3, templates="student")))


def never(request):
    return (answered(request, "no", Verdict.wrong("no")),)


def solves(purpose, number):
    """Only this operator's try succeeds."""
    return lambda request: ((answered(request, "46"),) if (request.key.purpose, request.key.attempt) == (purpose, number)
                            else never(request))


def asked(rounds):
    return [(request.key.purpose, request.key.attempt) for requests in rounds for request in requests]


def test_the_next_one_is_asked_when_every_try_of_the_one_before_failed():
    rounds, (correction,) = play(THREE, group(wrong("47"), wrong("48")), solves("fix_wrong_only", 1))
    assert asked(rounds) == [("resample", 0), ("resample", 1), ("fix_wrong_only", 0), ("fix_wrong_only", 1)]
    assert (correction.operator, correction.tries, correction.help) == ("fix_wrong_only", 2, "wrong")
    assert correction.of.completion.text == "48"


def test_a_success_ends_the_chain():
    rounds, (correction,) = play(THREE, group(wrong("47")), solves("resample", 0))
    assert asked(rounds) == [("resample", 0)] and correction.operator == "resample"


def test_when_all_fail_there_is_nothing_and_no_two_tries_share_their_random_numbers():
    rounds, corrections = play(THREE, group(wrong("47")), never)
    assert corrections == () and len({request.key.number() for requests in rounds for request in requests}) == 5 == len(rounds)


def test_where_none_can_ask_nothing_is_asked():
    assert play(THREE, group(truncated("long"), solved()), never) == ([], ())


def test_the_driver_counts_the_tries_of_all():
    report = fix([group(wrong("47"))], THREE, lambda requests: [never(request) for request in requests])
    assert (report.tries, report.rounds, report.tokens, report.fixed) == (5, 5, 10, 0)
    assert THREE.tries == 6  # at most: one had no place to tell


@dataclass(frozen=True)
class Asks(Operator):
    """A user's operator that reads something."""

    reads: ClassVar[frozenset[str]] = frozenset({"critic", "offsets"})

    def correct(self, stuck):
        yield from ()
        return ()


def test_it_reads_what_any_of_them_reads():
    assert isinstance(THREE, Operator) and Chain(operators=(Resample(),)).reads == frozenset()
    assert Chain(operators=(Resample(), Chain(operators=(Asks(),)))).reads == {"critic", "offsets"}


def test_a_chain_of_one_is_that_operator():
    stuck = group(wrong("47"), wrong("48"))
    assert play(Chain(operators=(FixWrongOnly(),)), stuck, never) == play(FixWrongOnly(), stuck, never)


def test_a_run_file_holds_it(tmp_path):
    run = complete()
    run = replace(run, fixing=replace(run.fixing, operator=THREE))
    assert load(save(run, tmp_path / "run.toml")) == run


def test_it_is_chosen_on_the_command_line():
    run = change(complete(), ['fixing.operator={kind="chain", operators=["fix_located", {kind="resample", tries=2}]}',
                              "fixing.operator.operators.1.tries=3", "fixing.operator.operators.0.templates=student"])
    assert run.fixing.operator == Chain(operators=(FixLocated(templates="student"), Resample(tries=3)))


@pytest.mark.parametrize("operators, said", [
    ((), r"operators is \(\)"),
    ((Resample(), FixLocated(), Resample(tries=9)), "holds 'resample' twice"),
    ((Resample(), Chain(operators=(FixLocated(), Resample()))), "holds 'resample' twice"),
])
def test_bad_chains_are_refused(operators, said):
    with pytest.raises(UserError, match=said) as refused:
        Chain(operators=operators)
    assert "\n" not in str(refused.value)
