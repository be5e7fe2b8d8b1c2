"""The training loop of a build: its schedule, its loss, the failures of its own, and what it writes."""

import random
from functools import partial

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from rfpo.engines.local import LocalEngine
from rfpo.engines.scripted import ScriptedEngine
from rfpo.engines.settings import Model, Optimizer
from rfpo.errors import UserError
from rfpo.records import Location, Prompt, Verdict
from rfpo.students import build as building
from rfpo.students import gate as gating
from rfpo.students import rates
from rfpo.students.build import SIZES, Build, new_model, save, train
from rfpo.students.card import Built, checksum, stated_checksum, stated_commands, write_card
from rfpo.students.dialect import OWN, SHARES, lessons, words
from rfpo.students.gate import GateReport
from rfpo.students.own import SEED, failures
from rfpo.students.rates import Rates
from rfpo.students.specialists import Exercise
from rfpo.students.specialists.column_addition import ColumnAddition
from rfpo.students.specialists.state_machine import StateMachine
from rfpo.students.tokenizer import character_tokenizer
from rfpo.tasks import column_addition as tasks
from rfpo.tasks.column_addition import scratchpad

TINY = dict(hidden=32, layers=1, batch=16, warmup=1, learning_rate=1e-2)


def test_the_learning_rate_rises_and_falls_to_zero():
    build = Build(steps=100, warmup=10, learning_rate=1e-2)
    rates = [build.learning_rate_at(step) for step in range(101)]
    assert rates[0] == pytest.approx(1e-3) and rates[9] == pytest.approx(1e-2) == rates[10]
    assert rates[55] == pytest.approx(5e-3) and rates[100] == pytest.approx(0.0)


def test_a_few_steps_of_training_lower_the_loss_of_the_answers():
    def loss(steps: int) -> float:
        build = Build(steps=steps, own_prompts=0, **TINY)
        model, tokenizer, _ = train(ColumnAddition(digits=3), build)
        taught = lessons(ColumnAddition(digits=3), Rates(), random.Random(1))
        return building._backward(model, tokenizer, [next(taught) for _ in range(16)])

    assert loss(15) < loss(1) - 0.5


# Failures of its own


class Sums:
    """Five sums of two numbers of one digit. An answer is located unless it is not a number."""

    name = "sums"

    def training_prompts(self):
        return [Prompt(f"{a}+3", f"{a}+3=", "sums", str(a + 3)) for a in range(4)] + [Prompt("?", "4+3=", "sums")]

    def verify(self, prompt, text):
        if text == prompt.solution:
            return Verdict.solved(text)
        place = Location(1, 0, 1, "the digit", places=3) if text.isdigit() else None
        return Verdict.wrong(text, error="sum", location=place)


def test_failures_are_the_wrong_answers_that_are_finished_and_located():
    says = {"0+3=": "3", "1+3=": "5", "2+3=": "x", "3+3=": "7" * 64}
    found = failures(ScriptedEngine(lambda request, j: says[request.content]), Sums())
    assert found == [Exercise("1+3=", "4", "5", range(3), place=1, error="sum", description="the digit")]
    assert found[0].wrong


def test_half_of_the_repairs_that_need_no_more_are_on_own_failures():
    subject, rates = ColumnAddition(), Rates(**{name: 1.0 for name in Rates.__dataclass_fields__})
    own = [Exercise("own", "right", "attempt", range(4), place=2, error="e", description="d")]
    taught = lessons(subject, rates, random.Random(0), own)
    drawn = [next(taught) for _ in range(4000)]
    mine = [lesson for lesson in drawn if lesson.context.startswith("own")]
    assert len(mine) / 4000 == pytest.approx(0.5 * sum(SHARES[kind] for kind in OWN & set(SHARES)), abs=0.025)
    assert ("own<wrong>attempt<at>2<fix>", "right") in {(lesson.context, lesson.answer) for lesson in mine}
    assert not [lesson for lesson in mine if "<hint>" in lesson.context or lesson.context in ("own", "ownright")]
    none = lessons(subject, rates, random.Random(0), [])
    plain = lessons(subject, rates, random.Random(0))
    assert [next(none) for _ in range(50)] == [next(plain) for _ in range(50)]


def test_the_last_third_of_a_training_is_on_failures_of_its_own(monkeypatch):
    steps, asked, backward = [], [], building._backward

    def watched(model, tokenizer, batch):
        steps.append(any(lesson.context.startswith("1+1=<") for lesson in batch))
        return backward(model, tokenizer, batch)

    def own_failures(model, tokenizer, task):
        asked.append((len(steps), task))
        return [Exercise("1+1=", "2", "3", range(3), place=1)]

    monkeypatch.setattr(building, "_backward", watched)
    monkeypatch.setattr(building, "own_failures", own_failures)
    trained = train(ColumnAddition(digits=3), Build(steps=6, own_prompts=12, **TINY))
    assert trained.own == 1
    assert steps == [False] * 4 + [True] * 2
    assert asked == [(4, ColumnAddition(digits=3).task(size=12, seed=SEED))]


def test_a_task_with_too_few_prompts_is_refused_before_training(monkeypatch):
    class OneDigit(ColumnAddition):
        def task(self, size, seed=0):
            return tasks.ColumnAddition(digits=1, size=size, seed=seed)

    monkeypatch.setattr(building, "_backward", None)
    with pytest.raises(UserError, match="Ask for fewer"):
        train(OneDigit(), Build(steps=6, own_prompts=100, **TINY))


def test_own_failures_are_asked_of_the_model_as_it_is():
    """One that was set up to answer every question with nothing but the end: wrong from column 0 on."""
    subject = ColumnAddition(digits=3)
    tokenizer = character_tokenizer([*words(), *subject.words])
    model = new_model(Build(hidden=32, layers=1), tokenizer)
    with torch.no_grad():
        model.model.embed_tokens.weight.zero_()
        model.model.embed_tokens.weight[:, 0] = 1.0
        model.model.embed_tokens.weight[tokenizer.eos_token_id, 0] = 100.0
    found = building.own_failures(model, tokenizer, subject.task(size=5, seed=SEED))
    assert [(exercise.attempt, exercise.place, exercise.places) for exercise in found] == [("", 0, range(4))] * 5
    for exercise in found:
        a, b = map(int, exercise.question.strip("=").split("+"))
        assert exercise.right == scratchpad(a, b, 3)


# What is written


def test_the_weights_are_saved_in_half_the_bytes_and_load_as_fp32(tmp_path):
    subject = ColumnAddition()
    tokenizer = character_tokenizer([*words(), *subject.words])
    model = new_model(Build(hidden=64, layers=2), tokenizer)
    save(model, tokenizer, tmp_path)
    assert {tensor.dtype for tensor in load_file(tmp_path / "model.safetensors").values()} == {torch.bfloat16}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}  # the model itself is left alone
    ids = torch.tensor([tokenizer("12345+54321=").input_ids])
    engine = LocalEngine.load(Model(path=str(tmp_path), precision="fp32", device="cpu"), Optimizer())
    plain = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert {parameter.dtype for parameter in engine.network.parameters()} == {torch.float32}
    with torch.no_grad():
        expected = model.to(torch.bfloat16).float()(ids).logits
        for network in (engine.network, plain):
            torch.testing.assert_close(network(ids).logits, expected, atol=1e-4, rtol=1e-4)


def test_the_card_says_how_many_failures_were_its_own(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    report = GateReport("x", 400, 180.0, ())
    write_card(tmp_path, Built("x", 1234, "Knows nothing.", ("python -m rfpo.students.build x",), 1.25, own=57), report)
    card = (tmp_path / "STUDENT.md").read_text()
    assert "1,234 parameters" in card and "57 were its own" in card and "Knows nothing." in card
    assert stated_checksum(tmp_path) == checksum(tmp_path)
    assert stated_commands(tmp_path) == ("python -m rfpo.students.build x",) and stated_commands(tmp_path / "none") == ()


# Going on from a student


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """A student that has had one step."""
    folder = tmp_path_factory.mktemp("earlier")
    trained = train(ColumnAddition(digits=3), Build(steps=1, own_prompts=0, **TINY))
    building.save(trained.model, trained.tokenizer, folder)
    return folder


def test_a_build_that_starts_from_a_student_goes_on_from_its_weights(earlier):
    held = load_file(earlier / "model.safetensors")
    build = Build(steps=1, own_prompts=0, start=str(earlier), **(TINY | {"hidden": 64, "learning_rate": 1e-9}), sharpness=1.0)
    went_on = train(ColumnAddition(digits=3), build).model.state_dict()
    for name, tensor in held.items():
        torch.testing.assert_close(went_on[name], tensor.float(), atol=1e-6, rtol=1e-6)


def test_it_is_asked_for_failures_of_its_own_at_once(earlier, monkeypatch):
    asked, backward, steps = [], building._backward, []
    monkeypatch.setattr(building, "own_failures", lambda *_: asked.append(len(steps)) or [])
    monkeypatch.setattr(building, "_backward", lambda *given: steps.append(1) or backward(*given))
    train(ColumnAddition(digits=3), Build(steps=3, own_prompts=12, start=str(earlier), **TINY))
    assert asked == [0] and len(steps) == 3


def test_a_start_that_is_no_student_or_has_other_words_is_refused(earlier, tmp_path):
    with pytest.raises(UserError, match="where no student is"):
        train(ColumnAddition(digits=3), Build(steps=1, own_prompts=0, start=str(tmp_path), **TINY))
    with pytest.raises(UserError, match="has other words"):
        train(StateMachine(), Build(steps=1, own_prompts=0, start=str(earlier), **TINY))


# The command line


def build_for(*arguments: str) -> Build:
    return building._build(ColumnAddition(), building._parser().parse_args(["column_addition", *arguments]))


@pytest.mark.parametrize("size", SIZES)
def test_a_size_is_about_as_many_parameters_as_it_is_called(size):
    build = build_for("--size", size)
    assert (build.hidden, build.layers) == SIZES[size]
    model = new_model(build, character_tokenizer(words()))
    assert model.num_parameters() == pytest.approx(float(size.rstrip("M")) * 1e6, rel=0.1)


def test_flags_win_over_the_size_and_the_specialist():
    build = build_for("--size", "1M", "--layers", "5", "--steps", "7")
    assert (build.hidden, build.layers, build.steps) == (160, 5, 7)
    assert build.rates == ColumnAddition.rates and build.learning_rate == ColumnAddition.learning_rate
    assert build_for("--located-rate", "0.45").rates == Rates(located=0.45)
    assert build.sharpness == Build().sharpness and build_for("--sharpness", "2").sharpness == 2


def test_shares_are_taken_from_flags_and_reach_the_lessons():
    build = build_for("--share", "hint_ladder=0.25", "--share", "plain=0")
    assert build.shares == {"hint_ladder": 0.25, "plain": 0.0}
    drawn = lessons(ColumnAddition(), Rates(), random.Random(0), (), build.shares)
    contexts = [next(drawn).context for _ in range(400)]
    assert not [context for context in contexts if context.endswith("=")], "there is no plain question among them"
    assert 0.2 < sum("<hint>" in context for context in contexts) / 400 < 0.5
    with pytest.raises(UserError, match="no kind of lesson; did you mean 'hint_ladder'"):
        build_for("--share", "hint_lader=1")


def test_a_specialist_may_say_its_own_sharpness_and_the_flag_wins_over_it():
    asked = building._parser().parse_args
    assert building._build(StateMachine(), asked(["state_machine"])).sharpness == StateMachine.sharpness == 1.0
    assert building._build(StateMachine(), asked(["state_machine", "--sharpness", "1.5"])).sharpness == 1.5


def test_a_build_writes_what_it_taught_and_the_gate_holds_it_to_that(tmp_path, monkeypatch):
    held = []
    monkeypatch.setattr(gating, "follow", lambda engine, subject, rates: held.append(rates) or ())
    monkeypatch.setattr(building, "gate", partial(gating.gate, prompts=6, confirm=1))
    code = building.main(["column_addition", "--out", str(tmp_path / "any"), "--located-rate", "0.45", "--hidden", "32",
                          "--layers", "1", "--steps", "1", "--batch", "4", "--own-prompts", "0"])
    assert code == 1  # it has learnt nothing
    assert held == [Rates(located=0.45)] == [rates.read(tmp_path / "any")]
    (tmp_path / "any" / "rates.json").unlink()
    gating.gate(str(tmp_path / "any"), "column_addition", prompts=6, confirm=1)
    assert held[1] == ColumnAddition.rates
    first = "python -m rfpo.students.build column_addition --out DIR --located-rate 0.45 --hidden 32 --layers 1 --steps 1"
    assert stated_commands(tmp_path / "any")[0].startswith(first)
    building.main(["column_addition", "--out", str(tmp_path / "on"), "--start", str(tmp_path / "any"), "--steps", "1",
                   "--batch", "4", "--own-prompts", "0"])
    before, then = stated_commands(tmp_path / "on")
    assert before.startswith(first.replace("DIR", "START"))
    assert then == "python -m rfpo.students.build column_addition --out DIR --start START --steps 1 --batch 4 --own-prompts 0"
