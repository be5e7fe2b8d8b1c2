"""Continuous batching against drawing one row at a time, token by token, with the whole row run for every token."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from rfpo.engines.local import half, sampling, slots
from rfpo.engines.local.draws import draw
from rfpo.engines.local.prefix import rounded
from tests.engines.build import engine_of, plain_logps, request

PROMPTS = ("7", "12+34=", "sort (b, a, c):\n", "9", "1+1=")
EVERYTHING = 10**6


def requests_of(limits=(12, 3, 20, 1, 7), counts=(3, 1, 2, 1, 3)):
    """Contexts of 1 to 16 tokens, groups of 1 to 3, and a limit for each."""
    return [request(text, n=n, max_tokens=limit) for text, limit, n in zip(PROMPTS, limits, counts, strict=True)]


def drawn(answers):
    return [[(completion.tokens, completion.finish) for completion in group] for group in answers]


def logps(answers):
    return torch.tensor([logp for group in answers for completion in group for logp in completion.logps])


@torch.no_grad()
def plainly(engine, network, requests):
    """[(tokens, log-probs)] of every row."""
    found = []
    for row in (row for index, one in enumerate(requests) for row in engine.rows(index, one)):
        tokens, logps = [], []
        for uniform in row.uniforms():
            logits = network(torch.tensor([[*row.context, *tokens]])).logits[:, -1].float()
            token, logp = draw(logits, torch.tensor([row.request.sampling.temperature]), torch.tensor([uniform]))
            tokens.append(int(token))
            logps.append(float(logp))
            if tokens[-1] in engine.text.eos:
                break
        found.append((tuple(tokens), logps))
    return found


def plain_network(directory):
    return AutoModelForCausalLM.from_pretrained(directory, attn_implementation="eager").eval()


def watched(monkeypatch):
    """(rows that were there, width of the prompts, width of those that enter) at each start."""
    seen, start = [], slots.Slots.start

    def noted(self, contexts):
        width = self.prompt_keys[0].shape[2] if self.contexts else 0
        seen.append((len(self.owner), width, max(map(len, contexts))))
        return start(self, contexts)

    monkeypatch.setattr(slots.Slots, "start", noted)
    return seen


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("stride", [2, 32])
@pytest.mark.parametrize("budget", [EVERYTHING, 90, 60, 1])
def test_rows_that_wait_and_enter_draw_what_each_draws_by_itself(directory, monkeypatch, budget, stride, order):
    engine = engine_of(directory)
    assert engine.forward.abilities.shared_prompts
    monkeypatch.setattr(slots, "STRIDE", stride)
    engine.sampling_budget.tokens = budget
    wanted = requests_of()[::order]
    expected = plainly(engine, plain_network(directory), wanted)
    answers = engine.sample(wanted)
    assert [completion.tokens for group in answers for completion in group] == [tokens for tokens, _ in expected]
    torch.testing.assert_close(logps(answers), torch.tensor([p for _, row in expected for p in row]), rtol=0, atol=1e-5)


def test_contexts_enter_beside_longer_and_beside_shorter_ones(directory, monkeypatch):
    engine = engine_of(directory)
    engine.text.eos = frozenset()
    wanted = requests_of(limits=(9, 5, 9, 4, 16), counts=(1, 2, 1, 2, 1))
    expected = drawn(engine.sample(wanted)), logps(engine.sample(wanted))
    seen = watched(monkeypatch)
    engine.sampling_budget.tokens = 60
    answers = engine.sample([*wanted, *wanted[::-1]])
    beside = [(width, entering) for there, width, entering in seen if there]
    assert any(width > entering for width, entering in beside) and any(width < entering for width, entering in beside)
    assert drawn(answers) == expected[0] + expected[0][::-1]
    torch.testing.assert_close(logps(answers[:5]), expected[1], rtol=0, atol=1e-5)


def test_the_eager_way_without_shared_prompts_draws_the_same(directory):
    fast, slow = engine_of(directory), engine_of(directory, attention="eager")
    assert not slow.forward.abilities.shared_prompts
    answers, expected = fast.sample(requests_of()), slow.sample(requests_of())
    assert drawn(answers) == drawn(expected)
    torch.testing.assert_close(logps(answers), logps(expected), rtol=0, atol=1e-5)


def test_keys_grow_and_shrink_with_the_longest_row(qwen3, monkeypatch):
    """Room is for the longest row that goes on: what a finished row needed is given back with it."""
    monkeypatch.setattr(slots, "STRIDE", 2)
    qwen3.text.eos = frozenset()
    rooms, step = [], slots.Slots.step
    monkeypatch.setattr(slots.Slots, "step", lambda self, tokens: (step(self, tokens), rooms.append(
        (len(tokens), self.keys[0].shape[2], self.values[1].shape[2])))[0])
    qwen3.sample([request("7", max_tokens=7), request("8", max_tokens=3)])
    assert rooms == [(2, 2, 2), (2, 2, 2), (1, 4, 4), (1, 4, 4), (1, 6, 6), (1, 6, 6)]


def test_rows_that_are_drawn_come_in_few_numbers(directory, monkeypatch):
    """40 rows of as many lengths: what is left of them is 1/8 above what goes on at most, and draws the same."""
    engine, counts, step = engine_of(directory), [], slots.Slots.step
    engine.text.eos = frozenset()
    requests = [request(text, n=1, max_tokens=limit) for limit, text in enumerate(8 * list(PROMPTS), 2)]

    def noted(self, tokens):
        counts.append((len(tokens), len(self.contexts)))
        return step(self, tokens)

    monkeypatch.setattr(slots.Slots, "step", noted)
    found = engine.sample(requests)
    assert {rows for rows, _ in counts} <= {rounded(rows, 8) for rows in range(41)} and len(set(counts)) < 20
    assert counts[0] == (40, 5) and counts[-1][0] == 1
    expected = plainly(engine, plain_network(directory), requests)
    assert [answers[0].tokens for answers in found] == [tokens for tokens, _ in expected]


def test_a_context_goes_with_its_last_row_and_comes_back(qwen3):
    memory = slots.Slots(qwen3.network, "cpu")
    first = memory.start([(3, 4), (5, 6, 7), (3, 4)])
    assert memory.contexts == [(3, 4), (5, 6, 7)] and torch.equal(first[0], first[2])
    memory.keep(torch.tensor([1]))
    assert memory.contexts == [(5, 6, 7)] and memory.owner.tolist() == [0]
    torch.testing.assert_close(memory.start([(3, 4), (5, 6, 7)]), first[:2], rtol=0, atol=1e-5)
    assert memory.owner.tolist() == [0, 1, 0]
    memory.keep(torch.tensor([], dtype=torch.long))
    assert memory.contexts == []
    torch.testing.assert_close(memory.start([(8,), (3, 4)])[1], first[0], rtol=0, atol=1e-5)


def test_a_context_that_is_here_already_is_not_run_again(qwen3, monkeypatch):
    seen, add = [], slots.Slots._add_prompts
    monkeypatch.setattr(slots.Slots, "_add_prompts", lambda self, contexts: (seen.append(list(contexts)), add(self, contexts)))
    memory = slots.Slots(qwen3.network, "cpu")
    memory.start([(3, 4), (3, 4)])
    memory.start([(3, 4), (5,), (5,)])
    assert seen == [[(3, 4)], [(5,)]]


def test_in_bf16_the_log_probs_are_those_of_the_copy_that_drew(directory):
    engine = engine_of(directory, precision="bf16")
    copy = half.HalfCopy().of(plain_network(directory), 0)  # weights in bf16, transformers' own norms and attention
    away = [(torch.tensor(one.logps) - plain_logps(copy, one.context, one.tokens)).abs().max()
            for group in engine.sample(requests_of()) for one in group]
    assert 0 < max(away) < 0.2  # the two round at different places


class Following:
    """Asks again, from what was drawn, until `depth`; the requests that are followed, and when they were asked for."""

    def __init__(self, depth=1, silent=()):
        self.depth, self.silent, self.calls, self.asked = depth, silent, [], []
        self.level: dict[int, int] = {}
        self.text: dict[int, str] = {}
        self.count = 0

    def begin(self, requests):
        self.count = len(requests)
        self.text = dict(enumerate(one.content for one in requests))
        return requests

    def __call__(self, index, completions):
        self.calls.append(index)
        assert [c.request.content for c in completions] == [self.text[index]] * completions[0].request.n
        if self.level.get(index, 0) >= self.depth or index in self.silent:
            return None

        def later():
            self.asked.append(index)
            more = [request(self.text[index] + c.text[:2], n=2 if j == 0 else 1, max_tokens=4)
                    for j, c in enumerate(completions)]
            for one in more:
                self.level[self.count], self.text[self.count] = self.level.get(index, 0) + 1, one.content
                self.count += 1
            return more

        return later


def followed(engine, **options):
    follow = Following(**options)
    return engine.sample(follow.begin(requests_of()), follow=follow), follow


def as_sets(answers):
    return sorted((group[0].request.content, [(c.tokens, c.finish) for c in group]) for group in answers)


@pytest.mark.parametrize("attention", ["auto", "eager"])
@pytest.mark.parametrize("budget", [EVERYTHING, 60, 1])
def test_what_is_added_on_the_way_is_answered_as_if_it_were_asked_for_afterwards(directory, budget, attention):
    engine = engine_of(directory, attention=attention)
    engine.sampling_budget.tokens = budget
    answers, follow = followed(engine, depth=2)
    assert drawn(answers[:5]) == drawn(engine.sample(requests_of()))
    assert len(answers) > 5 + 10 and max(follow.level.values()) == 2  # follow-ups of follow-ups too
    assert [group[0].request.content for group in answers] == [follow.text[i] for i in range(follow.count)]
    assert sorted(follow.calls) == list(range(follow.count)) and len(set(follow.asked)) == len(follow.asked)
    afterwards = engine.sample([group[0].request for group in answers[5:]])
    assert drawn(answers[5:]) == drawn(afterwards)
    torch.testing.assert_close(logps(answers[5:]), logps(afterwards), rtol=0, atol=1e-5)


def test_requests_are_added_while_others_are_drawn(qwen3):
    qwen3.text.eos = frozenset()
    state = {"long": False}

    def follow(index, completions):
        if index == 1:
            state["long"] = True  # the long one has ended
        return (lambda: (state.setdefault("asked", state["long"]), [request("9", max_tokens=2)])[1]) if index == 0 else None

    answers = qwen3.sample([request("7", max_tokens=2), request("8", max_tokens=60)], follow=follow)
    assert state["asked"] is False and len(answers) == 3


def test_a_follow_that_returns_none_adds_nothing(engine):
    answers, follow = followed(engine, depth=0)
    assert drawn(answers) == drawn(engine.sample(requests_of())) and sorted(follow.calls) == list(range(5))
    assert not follow.asked


def test_a_follow_that_gives_no_requests_adds_nothing(qwen3):
    assert drawn(qwen3.sample(requests_of(), follow=lambda *_: lambda: [])) == drawn(qwen3.sample(requests_of()))


@pytest.mark.parametrize("patience", [0, 1, 3, 10**6])
def test_patience_does_not_change_what_is_drawn(engine, monkeypatch, patience):
    expected = as_sets(followed(engine, depth=2)[0])
    monkeypatch.setattr(sampling, "PATIENCE", patience)
    assert as_sets(followed(engine, depth=2)[0]) == expected


@pytest.mark.parametrize("where, fails", [("start", 1), ("start", 3), ("start", 6), ("step", 1), ("step", 6), ("step", 12),
                                          ("step", 15), ("step", 25)])
def test_each_request_is_followed_once_when_memory_runs_out(directory, monkeypatch, capsys, where, fails):
    engine = engine_of(directory)
    engine.sampling_budget.tokens = 120
    expected = as_sets(followed(engine, depth=2)[0])
    way, calls = getattr(slots.Slots, where), []

    def once_too_large(self, tokens):
        calls.append(1)
        if len(calls) == fails:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return way(self, tokens)

    monkeypatch.setattr(slots.Slots, where, once_too_large)
    seen = []
    follow = Following(depth=2)
    answers = engine.sample(follow.begin(requests_of()), finished=seen.append, follow=follow)
    assert engine.sampling_budget.tokens == 60 and "120 -> 60" in capsys.readouterr().err
    assert as_sets(answers) == expected
    assert sorted(follow.calls) == list(range(follow.count)) and len(set(follow.asked)) == len(follow.asked)
    assert [group[0].request.content for group in answers] == [follow.text[i] for i in range(follow.count)]
    assert len(seen) == sum(len(group) for group in answers)


@pytest.mark.parametrize("first", [True, False])
def test_a_request_for_no_completions_is_followed_too(qwen3, first):
    calls = []

    def follow(index, completions):
        calls.append((index, len(completions)))
        return (lambda: [request("7", n=1 if first else 0)]) if index == 0 else None

    answers = qwen3.sample([request(n=0 if first else 1)], follow=follow)
    assert [len(group) for group in answers] == ([0, 1] if first else [1, 0])
    assert calls == ([(0, 0), (1, 1)] if first else [(0, 1), (1, 0)])
