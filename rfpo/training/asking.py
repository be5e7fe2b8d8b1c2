"""A request of an operator made ready for the engine, and what came back made an answer to it."""

from collections.abc import Sequence
from dataclasses import replace

from rfpo.errors import UserError
from rfpo.records import Completion, Finish, Opening, Request
from rfpo.training.bench import Bench


def ready(bench: Bench, request: Request) -> Request | None:
    """With its opening as a prefix; None when it leaves no room for an answer, in the model's context or in max_tokens."""
    engine, opening = bench.engine, _begun(bench, request)
    length = len(engine.encode(request.content)) + len(request.prefix) + len(opening)
    if request.opening and request.opening.ends:
        return replace(request, prefix=request.prefix + opening) if length <= engine.context_length else None
    if length >= engine.context_length or len(opening) >= request.sampling.max_tokens:
        return None
    if not opening:
        return request
    sampling = replace(request.sampling, max_tokens=request.sampling.max_tokens - len(opening))
    return replace(request, prefix=request.prefix + opening, sampling=sampling)


def _begun(bench: Bench, request: Request) -> tuple[int, ...]:
    """The opening's tokens. An answer of an earlier step stays as it was, token for token: it may have ended with another end
    token than the tokenizer's, or with a stop string and none."""
    if request.opening and request.opening.ends and getattr(request, "origin", "") == "replayed":
        return request.opening.tokens
    return bench.engine.open(request.opening) if request.opening else ()


def joined(bench: Bench, request: Request, completion: Completion) -> Completion:
    """The answer to `request`, its opening in front of what was drawn. Tokens of the opening have no log-prob."""
    put = completion.request.prefix[len(request.prefix):]
    if not put:
        return replace(completion, request=request)
    tokens = put + completion.tokens
    return replace(completion, request=request, context=completion.context[: len(completion.context) - len(put)], tokens=tokens,
                   logps=(None,) * len(put) + completion.logps, text=bench.engine.decode(tokens))


def given(bench: Bench, request: Request, prepared: Request) -> list[Completion]:
    """The answers to a request whose opening ends them, as they are given: nothing is drawn, so all n are the same."""
    put = prepared.prefix[len(request.prefix):]
    cut = len(put) > request.sampling.max_tokens
    tokens = put[: request.sampling.max_tokens]
    return [Completion(request, bench.engine.encode(request.content) + request.prefix, tokens, (None,) * len(tokens),
                       bench.engine.decode(tokens), Finish.LENGTH if cut else Finish.STOP,
                       bench.engine.policy_version)] * request.n


def criticised(bench: Bench, requests: Sequence[Request]) -> list[list[Completion]]:
    """What the run's critic writes for each request. Its tokens are counted by the policy's tokenizer and have no log-prob.

    Raises UserError when the run has no critic.
    """
    critic = bench.run.fixing.critic
    if critic is None:
        raise UserError("fixing.critic is none and fixing.operator asks one; give it one, or let the operator ask the policy.")
    return [[_written(bench, request, text) for text in texts]
            for request, texts in zip(requests, critic.answer(requests), strict=True)]


def _written(bench: Bench, request: Request, text: str) -> Completion:
    tokens = bench.engine.open(Opening(text=text))  # what begins a text, such as a BOS token, is not part of it
    return Completion(request, bench.engine.encode(request.content), tokens, (None,) * len(tokens), text, Finish.STOP,
                      bench.engine.policy_version)
