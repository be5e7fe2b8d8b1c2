"""Tiny builders for the engine's tests."""

import torch

from rfpo.batch import collate
from rfpo.engines.local import LocalEngine
from rfpo.engines.protocols import Stream
from rfpo.engines.settings import Model, Optimizer
from rfpo.objective import Objective
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.aggregation.sequence_mean import SequenceMean
from rfpo.objective.ratio.token import Token
from rfpo.objective.surrogate.clip import Clip
from rfpo.records import Outcome, Parent, Prompt, RandomKey, Request, Sample, Sampling

OPTIMIZER = Optimizer(learning_rate=1e-2)


def engine_of(directory, optimizer=OPTIMIZER, tokens=4096, reference=False, temperature=1.0, **model):
    return LocalEngine.load(Model(path=str(directory), device="cpu", **model), optimizer, temperature=temperature,
                            tokens_per_micro_batch=tokens, reference=reference)


def request(text="12+34=", n=1, max_tokens=12, temperature=1.0, stop=(), **changes):
    prompt = Prompt(id=f"t/{text}", content=text, task="t")
    sampling = Sampling(temperature=temperature, max_tokens=max_tokens, stop=stop)
    return Request(prompt=prompt, content=text, key=RandomKey(prompt=prompt.id), n=n, sampling=sampling, **changes)


def ragged_requests(n=3, **changes):
    return [request(text, n=n, **changes) for text in ("7", "12+34=", "sort (b, a, c):\n")]


def sample(context=(3, 4), tokens=(5, 6, 1), reward=1.0, group="a", **changes):
    return Sample(context=context, tokens=tokens, trained=(True,) * len(tokens), reward=reward, group=(group, 0),
                  outcome=Outcome.SOLVED if reward else Outcome.WRONG, **changes)


def objective(**changes):
    slots = dict(advantage=GroupZscore(), ratio=Token(), surrogate=Clip(), aggregation=SequenceMean()) | changes
    return Objective(**slots)


def stream(samples=None, coefficient=1.0, **slots):
    wanted = objective(**slots)
    return Stream(wanted.with_advantages(collate(samples or ragged_samples(), 16)), wanted, coefficient)


def ragged_samples():
    """Two groups with mixed rewards and one without; rows of 1 to 7 tokens."""
    rows = [((3,), (9, 1), 1.0, "a"), ((3,), (8, 7, 6, 5, 4, 3, 1), 0.0, "a"), ((3, 4, 5, 6), (1,), 0.0, "b"),
            ((3, 4, 5, 6), (20, 21, 22, 1), 1.0, "b"), ((3, 4, 5, 6), (22, 30, 1), 1.0, "b"), ((8, 9), (5, 5, 1), 0.0, "c"),
            ((8, 9), (6, 6, 6, 1), 0.0, "c")]
    return [sample(context, tokens, reward, group) for context, tokens, reward, group in rows]


def corrected_sample(**changes):
    return sample(tokens=(5, 9, 1), parent=Parent(tokens=(5, 6, 7, 8, 1), common_prefix=1), **changes)


def plain_logps(network, context, tokens, temperature=1.0):
    """One row at a time, no padding, no cache, all positions: the slow way that everything is compared with."""
    with torch.no_grad():
        logits = network(torch.tensor([[*context, *tokens]])).logits[0].float() / temperature
    logp = logits.log_softmax(-1)
    return torch.stack([logp[len(context) + t - 1, token] for t, token in enumerate(tokens)])


def weights(engine):
    return {name: weight.detach().clone() for name, weight in engine.network.named_parameters()}


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
