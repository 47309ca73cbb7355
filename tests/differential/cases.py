"""A case: what a client sends and what the origin answers, a pure function of seed and number."""
import dataclasses
import random

import odd_answers
import odd_requests


@dataclasses.dataclass
class Case:
    seed: int
    number: int
    requests: list            # the bytes of each
    answers: list             # in the order in which requests reach an origin; then plain ones
    names: list               # of the oddities
    methods: list = None      # of the requests, when they are sound
    cuts: tuple = ()          # where the client's bytes are split into segments
    polite: bool = False      # the client waits for an answer before its next request

    @property
    def data(self):
        return b"".join(self.requests)

    def segments(self):
        if self.polite:
            return self.requests
        ends = [cut for cut in self.cuts if cut < len(self.data)] + [len(self.data)]
        starts = [0] + ends[:-1]
        return [self.data[a:b] for a, b in zip(starts, ends)]

    def __str__(self):
        return f"--seed {self.seed} --case {self.number} ({', '.join(self.names) or 'sound'})"


def how_many(rng):
    return rng.choice([1] * 6 + [2] * 3 + [3, 4])


def cuts_of(rng, size):
    """None, one, a few, or a byte each for a while."""
    kind = rng.randrange(6)
    if kind <= 2 or size < 2:
        return ()
    if kind == 3:
        return (rng.randrange(1, size),)
    if kind == 4:
        return tuple(sorted({rng.randrange(1, size) for _ in range(4)}))
    at = rng.randrange(1, size)
    return tuple(range(at, min(size, at + 12)))


def make_switch(case, rng):
    """A WebSocket's handshake behind sound requests, and bytes behind it; mostly the server
    agrees."""
    for at in range(rng.choice([0, 0, 1])):
        data, _ = odd_requests.odd_request(rng, at, 0)
        case.requests.append(data)
        method = data.split(b" ", 1)[0]
        case.answers.append(odd_answers.odd_answer(rng, method, 0))
    data, told = odd_requests.handshake(rng, len(case.requests))
    answer = odd_answers.switching(rng)
    case.requests.append(data)
    case.answers.append(answer)
    case.names += ["switch"] + told + [f"answer {name}" for name in answer.names]
    case.polite = rng.random() < 0.15
    case.cuts = cuts_of(rng, len(case.data))
    return case


def make_case(seed, number):
    rng = random.Random(f"{seed}/{number}")
    kind = rng.choice(["requests"] * 9 + ["answers"] * 7 + ["both"] * 2 + ["switch"])
    if kind == "switch":
        return make_switch(Case(seed, number, [], [], []), rng)
    count = rng.choice([1, 1, 2, 2, 3])
    requests, names, methods = [], [], []
    strained = rng.randrange(count)
    for at in range(count):
        odd = kind != "answers" and (at == strained or rng.random() < 0.2)
        data, told = odd_requests.odd_request(rng, at, how_many(rng) if odd else 0)
        requests.append(data)
        names += told
        methods.append(data.split(b" ", 1)[0])
    answers = []
    if kind != "requests":
        for at in range(count):
            odd = at == strained or rng.random() < 0.3
            answer = odd_answers.odd_answer(rng, methods[at], how_many(rng) if odd else 0)
            answers.append(answer)
            names += [f"answer {name}" for name in answer.names]
    case = Case(seed, number, requests, answers, names,
                methods if kind == "answers" else None, polite=rng.random() < 0.15)
    case.cuts = cuts_of(rng, len(case.data))
    return case
