"""Operators that begin the answer or give one, in a whole step and with the shipped student."""

from dataclasses import replace

import pytest

from rfpo import students
from rfpo.cli import main
from rfpo.correction.operators.hint_ladder import HintLadder
from rfpo.correction.operators.reference_prefix import ReferencePrefix
from rfpo.correction.operators.retry_from_pivot import RetryFromPivot
from rfpo.correction.operators.rewrite_from_solution import RewriteFromSolution
from rfpo.engines.local import LocalEngine
from rfpo.engines.settings import Model, Optimizer
from rfpo.reporting.diff import diff
from rfpo.reporting.store import RunStore
from rfpo.students.specialists.column_addition import ColumnAddition
from rfpo.training.gather import gather
from rfpo.training.state import LoopState
from tests.training.build import STUDENT, at_call, sets
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT, bench, is_try, step, sum_of

GROUP = [CARRY, RESULT, CARRY, "7502;4813;130"]
END = 0
HINT = "write the carry down"


def script(request, j):
    """The group is wrong. A try is right: what was put there is continued, be it up to the error or with the reference."""
    if not is_try(request):
        return GROUP[j]
    if not request.judged:
        return HINT
    begun = "".join(chr(token - 1) for token in request.prefix if token != END)
    return RIGHT[len(begun):] if RIGHT.startswith(begun) else RIGHT


CASES = {  # the operator's fields; what was put there; the correction's origin and help
    "retry_from_pivot": ({}, "7502;", "corrected", "place"),
    "reference_prefix": ({}, "7502;4813;", "corrected", "hint"),
    "hint_ladder": ({"source": "policy"}, "", "corrected", "hint"),
    "explain_answer": ({}, "", "corrected", "answer"),
    "demonstration": ({}, RIGHT, "given", "solution"),
    "splice": ({"wait": 0.0, "answer": 0.0, "solution": 1.0}, RIGHT, "given", "solution"),
    "format_ladder": ({}, "", "corrected", "answer"),
}


def run(name, fields, room=64):
    made = bench(script, sampling__max_tokens=room, fixing__operator=name,
                 **{f"fixing__operator__{field}": value for field, value in fields.items()})
    return made, *step(made)


@pytest.mark.parametrize("name", CASES)
def test_a_row_of_its_own_origin_arrives_with_what_was_put_there_unknown(name):
    fields, put, origin, help = CASES[name]
    made, state, metrics, rows = run(name, fields)
    ((stream,),) = made.engine.updates
    batch = stream.batch
    row = [made.engine.decode(tokens.tolist()) for tokens in batch.tokens].index(RIGHT)
    assert batch.contexts == (made.engine.encode(HARD.content),) and batch.corrected.tolist() == [n == row for n in range(4)]
    given = origin == "given"
    assert batch.known[row].tolist() == [False] * (len(put) + given) + [True] * (len(RIGHT) + 1 - len(put) - given)
    assert batch.origin[row] == (2 if given else 1) and batch.mask[row].all()
    assert {"operator": name, "help": help, "outcome": "solved", "origin": origin, "text": RIGHT}.items() <= rows[row].items()
    answers = [request for request in made.engine.requests if is_try(request) and request.judged]
    hints = [request for request in made.engine.requests if not request.judged]
    assert state.tokens.correction == len(answers) * (len(RIGHT) + 1 - len(put)) + len(hints) * (len(HINT) + 1)
    assert bool(answers) != given and bool(hints) == (name == "hint_ladder") and state.tally.fixed == 1


@pytest.mark.parametrize("name, begins", [("probe", CARRY[:10] + "\n"), ("splice", CARRY)])
def test_a_continued_wrong_answer_is_judged_as_one_text(name, begins):
    """The task takes nothing but the bare answer, so what goes on from a wrong one is wrong, and nothing is corrected."""
    fields = {"probability": 1.0} if name == "probe" else {"wait": 1.0, "answer": 0.0, "solution": 0.0}
    made, state, metrics, rows = run(name, fields, room=200)
    tries = [row for row in rows if row["operator"] == name]
    assert len(tries) == 3 and tries[0]["text"].startswith(begins) and tries[0]["text"].endswith(RIGHT)
    assert all(row["outcome"] == "wrong" and not row["trained"] for row in tries)
    assert state.tokens.correction == 3 * (len(RIGHT) + 1) and metrics["corrected_rows"] == 0


def test_what_is_right_once_comes_back_when_it_is_needed():
    """The first visit has a right answer, the second none; other exercises are then shown, too."""
    for name in ("stored_success", "solved_exemplars"):
        answers = [[RIGHT, *GROUP[1:]], GROUP]
        other = sum_of(58, 67)

        def say(request, j, answers=answers, other=other):
            if is_try(request) or request.prompt == other:
                return request.prompt.solution
            return answers[min(request.key.visit, 1)][j]

        made = bench(say, HARD, other, fixing__operator=name, fixing__keep=2, prompts_per_step=2)
        state = LoopState()
        assert step(made, state)[1]["tries"] == 0
        _, metrics, rows = step(made, state)
        (found,) = [row for row in rows if row["operator"] == name]
        assert (found["text"], found["outcome"], metrics["fix_rate"]) == (RIGHT, "solved", 1.0)
        assert found["origin"] == ("replayed" if name == "stored_success" else "corrected")
        assert state.tokens.correction == (0 if name == "stored_success" else len(RIGHT) + 1)
        if name == "solved_exemplars":
            assert other.text in made.engine.requests[-1].content and other.solution in made.engine.requests[-1].content


@pytest.fixture(scope="module")
def student():
    return LocalEngine.load(Model(path=str(students.path("column_addition")), precision="fp32", device="cpu"), Optimizer())


@pytest.mark.parametrize("operator, least", [
    (HintLadder(templates="student", shares=(0.3, 0.6, 0.99)), 0.8),
    (ReferencePrefix(shares=(0.8,), n=2), 0.8),
    (ReferencePrefix(schedule="bisect", shares=(), n=2), 0.8),
    (RewriteFromSolution(templates="student", tries=2), 0.3),
    (RetryFromPivot(tries=2), 0.0),
], ids=["hints", "prefix", "bisection", "solution", "pivot"])
def test_the_student_goes_on_from_what_it_was_given(student, operator, least):
    """Its habit spoils what it works out itself: only a hint or beginning that reaches past the place helps it."""
    task = ColumnAddition().task(size=40)
    made = bench(None, *task.training_prompts(), engine=lambda *_, **__: student, prompts_per_step=40, group_size=2,
                 judge=lambda items: [task.verify(prompt, text) for prompt, text in items])
    made = replace(made, run=replace(made.run, fixing=replace(made.run.fixing, operator=operator)))
    harvest = gather(made, LoopState())
    assert len(harvest.stuck) >= 10 and harvest.fixed >= least * len(harvest.stuck)
    for attempt in harvest.tries:
        completion, request = attempt.completion, attempt.completion.request
        put = sum(logp is None for logp in completion.logps)
        assert completion.logps[:put] == (None,) * put and None not in completion.logps[put:]
        text = student.decode(completion.tokens[:put])
        if isinstance(operator, RetryFromPivot):
            of = request.of
            assert text == of.completion.text[: of.verdict.location.start]
            assert completion.tokens[:put] == of.completion.tokens[:put]
        elif isinstance(operator, ReferencePrefix):
            assert text == request.opening.text and request.prompt.solution.startswith(text) and text.endswith(";")
        else:
            assert put == 0


def test_a_resumed_run_begins_the_same_answers(tmp_path, monkeypatch):
    monkeypatch.setattr("rfpo.training.train.report", lambda directory: directory / "report.html")
    arguments = ["train", "rfpo", *STUDENT, "--steps", "4", *sets(
        group_size=2, prompts_per_step=16, fixing__operator="reference_prefix", fixing__operator__schedule="uniform",
        fixing__operator__shares="[0.4,0.9]", fixing__keep=2, evaluation__prompts=0, optimizer__learning_rate=1e-3)]
    assert main([*arguments, "--out", str(tmp_path / "whole")]) == 0

    class Killed(BaseException):
        pass

    def die():
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(*at_call("rfpo.engines.local:LocalEngine.update", 4, die))
        main([*arguments, "--out", str(tmp_path / "killed")])
    assert main(["train", "--resume", str(tmp_path / "killed")]) == 0
    metrics = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("whole", "killed")]
    assert metrics[0] == metrics[1] and diff(tmp_path / "whole", tmp_path / "killed") == []
    assert any(row.get("fix_rate") for row in RunStore.open(tmp_path / "whole").metrics())
