"""Openings, given answers and critics: what an operator asks for, from the request to the row that is trained."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from rfpo.correction import Operator, Try
from rfpo.engines.local.text import Text
from rfpo.engines.scripted import END, ScriptedEngine
from rfpo.errors import UserError
from rfpo.records import Correction, Finish, Group, Opening, Outcome, RandomKey, Request, Sampling
from rfpo.training.gather import gather
from rfpo.training.state import LoopState
from tests.engines.build import engine_of, plain_logps
from tests.tiny_models import save_tiny_model
from tests.training.scripted import CARRY, HARD, RIGHT, bench, is_try, step

WRONG = [CARRY] * 4


@dataclass(frozen=True)
class Asks(Operator):
    """Asks what `rounds` says of each group, round by round, and returns every success."""

    rounds: Callable[[Group], list[tuple[Request, ...]]]
    heard: list = None
    reads: ClassVar[frozenset[str]] = frozenset()

    def correct(self, group: Group):
        found = []
        for asked in self.rounds(group):
            answers = yield asked
            self.heard.append(answers)
            found += [Correction(request.of, attempt, "asks", 1, request.help, origin=request.origin)
                      for request, attempts in zip(asked, answers, strict=True) for attempt in attempts if attempt.solved]
        return tuple(found)


@dataclass(frozen=True)
class Says:
    """A critic that says the same to everybody."""

    text: str = "look at column 1"

    def answer(self, requests):
        return [(self.text,) * request.n for request in requests]


def ask(group: Group, number: int = 0, **changes) -> Try:
    key = RandomKey(group.seed, group.step, group.prompt.id, group.visit, "asks", number)
    return Try(group.prompt, changes.pop("content", group.prompt.content), key, of=group.attempts[0], help="hint",
               **({"sampling": group.sampling_request.sampling} | changes))


def asking(*rounds, script=lambda request, j: CARRY, critic=None, **changes):
    """A bench whose operator asks these rounds, each a function from the group to its requests."""
    made = bench(script, **changes)
    operator = Asks(lambda group: [asked(group) for asked in rounds], [])
    return replace(made, run=replace(made.run, fixing=replace(made.run.fixing, operator=operator, critic=critic)))


def heard(made) -> list:
    return made.run.fixing.operator.heard


# The opening's tokens


def bytes_text(*merges: str) -> Text:
    """One token a byte, but for the merges; two tokens end an answer."""
    vocabulary = ["<eos>", "<end>", *sorted(pre_tokenizers.ByteLevel.alphabet()), *merges]
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(vocabulary)},
                                     [(merge[:-1], merge[-1]) for merge in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", additional_special_tokens=["<end>"])
    generation = type("Generation", (), {"eos_token_id": [0, 1]})
    return Text(made, generation)


@pytest.mark.parametrize("cut, kept", [(0, ""), (1, "a"), (2, "a€"), (3, "a€é"), (4, "a€é "), (9, "a€é b"), (None, "a€é b")])
def test_a_cut_never_splits_a_character(cut, kept):
    text = bytes_text()
    opened = text.open(Opening(tokens=text.encode("a€é b"), cut=cut))
    assert text.decode(opened) == kept and len(opened) == len(kept.encode())


def test_a_cut_inside_a_token_leaves_the_token_out():
    text = bytes_text("12", "123")
    tokens = text.encode("1234")
    assert len(tokens) == 2
    assert [text.decode(text.open(Opening(tokens=tokens, cut=cut))) for cut in range(5)] == ["", "", "", "123", "1234"]


def test_tokens_come_before_text_without_their_ends_and_ends_puts_one():
    text = bytes_text("ab")
    answer = (*text.encode("xab"), 1)  # ended by <end>, which is not the tokenizer's own
    assert text.open(Opening(tokens=answer)) == answer[:-1]
    assert text.open(Opening(tokens=answer, cut=1, text="ab")) == (answer[0], *text.encode("ab"))
    assert text.open(Opening(tokens=answer, text="!", ends=True)) == (*answer[:-1], *text.encode("!"), 0)
    assert text.open(Opening(text="ab", ends=True)) == (*text.encode("ab"), 0) and text.open(Opening()) == ()
    assert text.ends(answer) == (1, 3, 3)


def test_the_scripted_engine_cuts_alike():
    engine = ScriptedEngine(lambda request, j: "")
    tokens = engine.encode(CARRY)
    assert engine.decode(engine.open(Opening(tokens=tokens, cut=5, text="4813"))) == "7502;4813"
    assert engine.open(Opening(text="4", ends=True)) == (ord("4") + 1, END)
    assert engine.ends(tokens) == tuple(range(1, len(tokens) + 1))


# The answer that an opening begins


def test_an_opening_and_what_was_drawn_are_one_answer():
    made = asking(lambda group: (ask(group, opening=Opening(text="7502;4813")),),
                  script=lambda request, j: ";132" if is_try(request) else CARRY)
    state, metrics, rows = step(made)
    (((attempt,),),) = heard(made)
    completion, encode = attempt.completion, made.engine.encode
    assert completion.text == RIGHT and attempt.solved  # judged as a whole
    assert completion.context == encode(HARD.text) and completion.tokens == (*encode(RIGHT), END)
    assert completion.logps == (None,) * 9 + (-0.5,) * 5 and completion.drawn == 5
    assert completion.request.sampling.max_tokens == 64 and completion.request.prefix == ()
    assert made.engine.requests[-1].prefix == encode("7502;4813")
    assert made.engine.requests[-1].sampling.max_tokens == 64 - 9
    assert state.tokens.correction == 5 and state.tokens.rollout == 4 * (len(CARRY) + 1)
    assert metrics["generated_tokens"] == 5 + 4 * (len(CARRY) + 1)
    (stream,) = made.engine.updates[0]
    row = stream.batch.corrected.nonzero().item()
    assert stream.batch.known[row].tolist() == [False] * 9 + [True] * 5 and stream.batch.mask[row].all()
    assert stream.batch.behaviour[row].tolist() == [0.0] * 9 + [-0.5] * 5
    assert stream.batch.known[stream.batch.origin == 0].all()


def test_max_tokens_counts_the_opening():
    rounds = [lambda group, n=n: (ask(group, n, opening=Opening(text="7502;4813"), sampling=Sampling(max_tokens=n)),)
              for n in (8, 9, 12, 14)]
    made = asking(*rounds, script=lambda request, j: ";132" if is_try(request) else CARRY)
    harvest = gather(made, LoopState())
    first, second, ((third,),), ((fourth,),) = heard(made)
    assert first == second == ((),) and harvest.too_long == 2  # no room for one token
    assert third.completion.text == "7502;4813;13" and third.completion.finish is Finish.LENGTH and not third.solved
    assert len(third.completion.tokens) == 12
    assert fourth.solved and len(fourth.completion.tokens) == 14


def test_a_prefix_is_context_and_an_opening_is_answer():
    asked = Opening(tokens=tuple(map(lambda c: ord(c) + 1, CARRY)), cut=5)
    made = asking(lambda group: (ask(group, prefix=(7, 8), opening=asked),), script=lambda request, j: "4813;132")
    gather(made, LoopState())
    (((attempt,),),) = heard(made)
    assert attempt.completion.context == (*made.engine.encode(HARD.text), 7, 8) and attempt.completion.text == RIGHT
    assert attempt.completion.tokens[:5] == asked.tokens[:5] and attempt.completion.logps[:6] == (None,) * 5 + (-0.5,)


def test_all_n_answers_have_the_opening():
    made = asking(lambda group: (ask(group, n=3, opening=Opening(text="7502;")),),
                  script=lambda request, j: f"4813;13{j}" if is_try(request) else CARRY)
    gather(made, LoopState())
    ((attempts,),) = heard(made)
    assert [a.completion.text for a in attempts] == [f"7502;4813;13{j}" for j in range(3)]
    assert [a.solved for a in attempts] == [False, False, True]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def test_the_local_engine_goes_on_from_the_opening(tiny):
    engine = engine_of(tiny)
    opening = Opening(tokens=(*engine.encode("7502;4803;"), 1), cut=7, text="13;")
    made = asking(lambda group: (ask(group, 0, n=2, opening=opening), ask(group, 1)), engine=lambda *_, **__: engine)
    gather(made, LoopState())
    ((opened, (bare,)),) = heard(made)
    put = engine.encode("7502;4813;")
    for attempt in opened:
        completion = attempt.completion
        assert completion.text.startswith("7502;4813;") and completion.text == engine.decode(completion.tokens)
        assert completion.context == engine.encode(HARD.text) and completion.tokens[:10] == put
        assert completion.logps[:10] == (None,) * 10 and completion.drawn == len(completion.tokens) - 10 > 0
        assert len(completion.tokens) <= 64
        alone = plain_logps(engine.network, completion.context, completion.tokens)[10:]
        torch.testing.assert_close(torch.tensor(completion.logps[10:]), alone, atol=1e-5, rtol=1e-5)
    assert None not in bare.completion.logps and bare.completion.context == engine.encode(HARD.text)


def test_the_continuation_is_drawn_as_from_a_longer_prompt(tiny):
    engine = engine_of(tiny)
    made = asking(lambda group: (ask(group, opening=Opening(text="7502;")),), engine=lambda *_, **__: engine)
    gather(made, LoopState())
    (((attempt,),),) = heard(made)
    request = attempt.completion.request
    longer = replace(request, prefix=engine.encode("7502;"), opening=None, sampling=replace(request.sampling, max_tokens=59))
    (plain,), = engine_of(tiny).sample([longer])
    assert attempt.completion.tokens == (*engine.encode("7502;"), *plain.tokens)
    assert attempt.completion.logps[5:] == plain.logps


# Answers without the engine


def give(text=RIGHT, **changes):
    return lambda group: (ask(group, opening=Opening(text=text, ends=True), origin="given", **changes),)


@pytest.mark.parametrize("local", [False, True])
def test_a_given_answer_is_judged_and_trained_and_nothing_is_drawn(local, tiny):
    made = asking(give(), **({"engine": lambda *_, **__: engine_of(tiny)} if local else {}))
    state, metrics, rows = step(made)
    (((attempt,),),) = heard(made)
    end = 1 if local else END
    assert attempt.solved and attempt.completion.text == RIGHT and attempt.completion.drawn == 0
    assert attempt.completion.tokens == (*made.engine.open(Opening(text=RIGHT)), end)
    assert attempt.completion.context == made.engine.encode(HARD.text)
    assert state.tokens.correction == 0 and state.tally.successes == 1 and state.updates == 1
    assert sum(row["origin"] == "given" for row in rows) == 1
    if not local:
        (stream,) = made.engine.updates[0]
        row = stream.batch.corrected.nonzero().item()
        assert not stream.batch.known[row].any() and stream.batch.mask[row].all() and stream.batch.origin[row] == 2
        assert len(made.engine.requests) == 1  # the group's own


def test_a_given_answer_may_fill_the_room_and_no_more():
    fits, cut = Sampling(max_tokens=len(RIGHT) + 1), Sampling(max_tokens=len(RIGHT))
    made = asking(give(sampling=fits), give(sampling=cut))
    gather(made, LoopState())
    (((whole,),), ((short,),)) = heard(made)
    assert whole.solved and whole.completion.finish is Finish.STOP
    assert not short.solved and short.completion.truncated and len(short.completion.tokens) == len(RIGHT)
    context = len(HARD.text) + len(RIGHT) + 1
    made = asking(give(), give("0" + RIGHT), context=context)
    harvest = gather(made, LoopState())
    assert heard(made)[0][0][0].solved and heard(made)[1] == ((),) and harvest.too_long == 1


def test_n_given_answers_are_the_same_one():
    made = asking(give(n=2))
    assert gather(made, LoopState()).too_long == 0
    ((attempts,),) = heard(made)
    assert [a.completion.text for a in attempts] == [RIGHT] * 2


def test_a_replayed_answer_keeps_its_tokens():
    stopped = tuple(ord(character) + 1 for character in RIGHT)  # by a stop string, without an end token
    for tokens in (stopped, (*stopped, END)):
        made = asking(lambda group, t=tokens: (ask(group, opening=Opening(tokens=t, ends=True), origin="replayed"),))
        gather(made, LoopState())
        (((attempt,),),) = heard(made)
        assert attempt.completion.tokens == tokens and attempt.completion.drawn == 0 and attempt.solved


def test_rounds_without_the_engine_follow_each_other():
    made = asking(lambda group: (ask(group, 0, to="critic", judged=False), ask(group, 1, opening=Opening(text="7", ends=True))),
                  lambda group: (ask(group, 2, content="x" * 99),), give(),
                  lambda group: (ask(group, 3, content="12+34="),), critic=Says(), context=90)
    state, metrics, rows = step(made)
    ((note,), (seven,)), too_long, ((right,),), ((drawn,),) = heard(made)
    assert (note.completion.text, note.verdict.outcome, note.completion.drawn) == ("look at column 1", Outcome.UNGRADED, 0)
    assert seven.completion.text == "7" and seven.wrong
    assert too_long == ((),) and right.solved and drawn.completion.text == CARRY
    assert state.tokens.critic == len("look at column 1") and state.tokens.correction == len(CARRY) + 1
    assert state.tally.too_long == 1 and state.tally.ungraded == 0 and state.tally.successes == 1


def test_one_round_may_mix_all_kinds():
    made = asking(lambda group: (ask(group, 0, content="x" * 99), ask(group, 1, n=2), *give()(group),
                                 ask(group, 3, to="critic", judged=False)),
                  critic=Says("so"), context=90, script=lambda request, j: f"{request.key.attempt}/{j}")
    gather(made, LoopState())
    ((nothing, drawn, given, written),) = heard(made)
    assert nothing == () and [a.completion.text for a in drawn] == ["1/0", "1/1"]
    assert given[0].completion.text == RIGHT and written[0].completion.text == "so"


def test_what_is_no_answer_is_not_judged():
    made = asking(lambda group: (ask(group, judged=False),), script=lambda request, j: RIGHT if is_try(request) else CARRY)
    harvest = gather(made, LoopState())
    (((attempt,),),) = heard(made)
    assert attempt.verdict.outcome is Outcome.UNGRADED and harvest.corrections == ()


def test_a_critic_that_is_not_there_is_named():
    with pytest.raises(UserError, match="fixing.critic is none"):
        gather(asking(lambda group: (ask(group, to="critic"),)), LoopState())


def test_a_critics_text_has_no_token_in_front(tiny):
    engine = engine_of(tiny)
    engine.text.tokenizer._tokenizer.post_processor = _bos()
    assert engine.encode("12") == (0, 3, 4)
    made = asking(lambda group: (ask(group, to="critic", judged=False),), critic=Says("12"), engine=lambda *_, **__: engine)
    gather(made, LoopState())
    (((note,),),) = heard(made)
    assert note.completion.tokens == (3, 4)


def _bos():
    from tokenizers.processors import TemplateProcessing

    return TemplateProcessing(single="<pad> $A", special_tokens=[("<pad>", 0)])


class Silent(Says):
    """A critic that skips what it is asked."""

    def answer(self, requests):
        return [() for _ in requests]


def test_what_a_critic_skips_was_not_too_long():
    made = asking(lambda group: (ask(group, 0, to="critic", judged=False), ask(group, 1, content="x" * 99)), critic=Silent(),
                  context=90)
    state, _, _ = step(made)
    assert heard(made) == [((), ())] and state.tally.too_long == 1
