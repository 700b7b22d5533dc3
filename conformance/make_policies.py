#!/usr/bin/env python3
"""Makes the vectors of the eviction policies in crates/engine/tests/vectors: small traces of our own, and what each policy
makes of them (misses, and what is resident at the end).

The policies are written here once more, from their definitions and in another language than the engine, so that the engine
is never tested only against itself. Needs Python 3.10 and nothing else; gives the same files wherever it runs.

  make_policies.py            writes the vectors
  make_policies.py --check    fails if the files differ from what would be written
  make_policies.py --prove DIR [TRACE ...]
                              replays the traces in DIR (with the program zstd) and compares with DIR/reference.csv
"""

import csv
import io
import math
import pathlib
import struct
import subprocess
import sys
from collections import OrderedDict
from fractions import Fraction

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "crates/engine/tests/vectors"


class Line(OrderedDict):
    """Keys in order, the oldest first, each with its weight; knows the sum of the weights."""

    def __init__(self):
        super().__init__()
        self.weight = 0

    def append(self, key, weight):
        assert key not in self
        self[key] = weight
        self.weight += weight

    def take(self, key):
        weight = self.pop(key)
        self.weight -= weight
        return weight

    def take_oldest(self):
        key = next(iter(self))
        return key, self.take(key)

    def shrink(self, weight_max):
        while self.weight > weight_max:
            self.take_oldest()


class Fifo:
    """The victim is the oldest insertion."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.line = Line()

    def hit(self, key):
        return key in self.line

    def admit(self, key, weight):
        while self.line.weight + weight > self.capacity:
            self.evict()
        self.line.append(key, weight)

    def evict(self):
        self.line.take_oldest()

    def resident(self):
        return list(self.line)


class Lru(Fifo):
    """The victim is the least recently used."""

    def hit(self, key):
        if key in self.line:
            self.line.move_to_end(key)
            return True
        return False


class Mru(Lru):
    """The victim is the most recently used."""

    def evict(self):
        self.line.take(next(reversed(self.line)))


class Clock(Fifo):
    """A reference bit, set by a hit, buys one more round."""

    def __init__(self, capacity):
        super().__init__(capacity)
        self.referenced = set()

    def hit(self, key):
        if key in self.line:
            self.referenced.add(key)
            return True
        return False

    def evict(self):
        while True:
            key, weight = self.line.take_oldest()
            if key not in self.referenced:
                return
            self.referenced.discard(key)
            self.line.append(key, weight)


class Sieve:
    """A hand moves from old to young through a list that keeps the order of insertion. Here the list is a list, the oldest
    first, and the hand an index into it."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.used = 0
        self.entries = []
        self.by_key = {}
        self.hand = 0

    def hit(self, key):
        entry = self.by_key.get(key)
        if entry:
            entry["visited"] = True
        return entry is not None

    def admit(self, key, weight):
        while self.used + weight > self.capacity:
            self.step()
        self.by_key[key] = {"key": key, "weight": weight, "visited": False}
        self.entries.append(self.by_key[key])
        self.used += weight

    def step(self):
        entry = self.entries[self.hand]
        if entry["visited"]:
            entry["visited"] = False
            self.hand += 1
        else:
            # The next younger entry slides under the hand.
            del self.entries[self.hand]
            del self.by_key[entry["key"]]
            self.used -= entry["weight"]
        if self.hand == len(self.entries):
            self.hand = 0

    def resident(self):
        return list(self.by_key)


class Lfu:
    """One line per count; each in the order of last use."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.used = 0
        self.count_of = {}
        self.lines = {}

    def hit(self, key):
        if key not in self.count_of:
            return False
        self.put(key, self.drop(key), self.last_count + 1)
        return True

    def admit(self, key, weight):
        while self.used + weight > self.capacity:
            self.drop(next(iter(self.lines[min(self.lines)])))
        self.put(key, weight, 1)

    def put(self, key, weight, count):
        self.count_of[key] = count
        self.lines.setdefault(count, Line()).append(key, weight)
        self.used += weight

    def drop(self, key):
        self.last_count = self.count_of.pop(key)
        line = self.lines[self.last_count]
        weight = line.take(key)
        if not line:
            del self.lines[self.last_count]
        self.used -= weight
        return weight

    def resident(self):
        return list(self.count_of)


class TwoQ:
    """Newcomers in a FIFO of a share k_in, ghosts of a share k_out, what returns as a ghost in an LRU line."""

    def __init__(self, capacity, k_in, k_out):
        self.capacity = capacity
        self.in_share = max(1, math.floor(Fraction(k_in) * capacity))
        self.out_max = Fraction(k_out) * capacity
        self.newcomers, self.ghosts, self.proven = Line(), Line(), Line()

    def hit(self, key):
        if key in self.proven:
            self.proven.move_to_end(key)
            return True
        return key in self.newcomers

    def admit(self, key, weight):
        returned = key in self.ghosts
        if returned:
            self.ghosts.take(key)
        while self.newcomers.weight + self.proven.weight + weight > self.capacity:
            if self.newcomers.weight > self.in_share or not self.proven:
                self.ghosts.append(*self.newcomers.take_oldest())
                self.ghosts.shrink(self.out_max)
            else:
                self.proven.take_oldest()
        (self.proven if returned else self.newcomers).append(key, weight)

    def resident(self):
        return list(self.newcomers) + list(self.proven)


class Arc:
    """T1, T2 and their ghosts B1, B2, with a target p for T1 that is a real number."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.target = 0.0
        self.t1, self.t2, self.b1, self.b2 = Line(), Line(), Line(), Line()

    def hit(self, key):
        for line in (self.t1, self.t2):
            if key in line:
                self.t2.append(key, line.take(key))
                return True
        return False

    def admit(self, key, weight):
        if key in self.b1:
            self.target = min(self.capacity, self.target + max(1, self.b2.weight / self.b1.weight) * weight)
            self.b1.take(key)
            self.replace(weight, False)
            self.t2.append(key, weight)
        elif key in self.b2:
            self.target = max(0, self.target - max(1, self.b1.weight / self.b2.weight) * weight)
            self.b2.take(key)
            self.replace(weight, True)
            self.t2.append(key, weight)
        else:
            while self.t1.weight + self.b1.weight + weight > self.capacity:
                (self.b1 or self.t1).take_oldest()
            lines = (self.t1, self.t2, self.b1, self.b2)
            while self.b2 and sum(line.weight for line in lines) + weight > 2 * self.capacity:
                self.b2.take_oldest()
            self.replace(weight, False)
            self.t1.append(key, weight)

    def replace(self, weight, was_in_b2):
        while self.t1.weight + self.t2.weight + weight > self.capacity:
            over = self.t1.weight > self.target or (was_in_b2 and self.t1.weight == self.target)
            if self.t1 and (over or not self.t2):
                self.b1.append(*self.t1.take_oldest())
            else:
                self.b2.append(*self.t2.take_oldest())

    def resident(self):
        return list(self.t1) + list(self.t2)


class S3Fifo:
    """A small FIFO, a main FIFO with up to three more rounds, and ghosts of 0.9 of the cache."""

    def __init__(self, capacity, ratio):
        self.capacity = capacity
        self.small_share = max(1, math.floor(Fraction(ratio) * capacity))
        self.ghosts_max = Fraction(9, 10) * capacity
        self.small, self.main, self.ghosts = Line(), Line(), Line()
        self.uses = {}
        self.has_evicted = False

    def hit(self, key):
        if key not in self.uses:
            return False
        self.uses[key] = min(3, self.uses[key] + 1)
        return True

    def admit(self, key, weight):
        returned = key in self.ghosts
        if returned:
            self.ghosts.take(key)
        while self.small.weight + self.main.weight + weight > self.capacity:
            self.has_evicted = True
            if self.small.weight >= self.small_share or not self.main:
                self.evict_from_small()
            else:
                self.evict_from_main()
        overflows = not self.has_evicted and self.small.weight >= self.small_share
        (self.main if returned or overflows else self.small).append(key, weight)
        self.uses[key] = 0

    def evict_from_small(self):
        while self.small:
            key, weight = self.small.take_oldest()
            if self.uses[key] < 2:
                del self.uses[key]
                if weight <= self.ghosts_max:
                    self.ghosts.append(key, weight)
                    self.ghosts.shrink(self.ghosts_max)
                return
            self.main.append(key, weight)
            self.uses[key] = 0

    def evict_from_main(self):
        while True:
            key, weight = self.main.take_oldest()
            if self.uses[key] == 0:
                del self.uses[key]
                return
            self.uses[key] -= 1
            self.main.append(key, weight)

    def resident(self):
        return list(self.uses)


POLICIES = {
    "lfu": Lfu,
    "fifo": Fifo,
    "clock": Clock,
    "sieve": Sieve,
    "lru": Lru,
    "mru": Mru,
    "2q-0.25-0.5": lambda capacity: TwoQ(capacity, "0.25", "0.5"),
    "arc": Arc,
    "s3-fifo-0.1": lambda capacity: S3Fifo(capacity, "0.1"),
}
MORE_POLICIES = {
    "2q-0.5-0.25": lambda capacity: TwoQ(capacity, "0.5", "0.25"),
    "s3-fifo-0.25": lambda capacity: S3Fifo(capacity, "0.25"),
}
PUBLISHED_NAMES = {"2q-0.25-0.5": "2Q", "s3-fifo-0.1": "S3-FIFO"}


def replay(policy, requests):
    """The misses of a look-aside client: what misses is filled at once, unless it is larger than the cache."""
    misses = 0
    for key, weight in requests:
        if not policy.hit(key):
            misses += 1
            if weight <= policy.capacity:
                policy.admit(key, weight)
    return misses


class Draw:
    """Numbers that look random and are the same everywhere: the generator of Knuth's MMIX, its upper 32 bits."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 32) % bound


def skewed(draw, keys):
    """Few keys take most of the draws: the smallest of three."""
    return min(draw.below(keys) for _ in range(3))


def popular_keys():
    """A steady popularity: every policy but MRU does well."""
    draw = Draw(1)
    return [skewed(draw, 400) for _ in range(3000)]


def loop():
    """The same keys round and round: recency is wrong every time."""
    return [i % 130 for i in range(2600)]


def scans():
    """A popular set, swept every 200 requests by 120 keys that never return."""
    draw = Draw(2)
    keys = []
    for scan in range(10):
        keys += [skewed(draw, 90) for _ in range(200)]
        keys += range(1000 + 120 * scan, 1120 + 120 * scan)
    return keys


def pairs():
    """Every key is used twice, the second time within 40 requests: frequency is worth nothing."""
    draw = Draw(3)
    keys, waiting = [], []
    for key in range(1500):
        keys.append(key)
        waiting.append(key)
        if len(waiting) > 40:
            keys.append(waiting.pop(draw.below(len(waiting))))
    return keys


def shifts():
    """The popular set moves on every 500 requests: what was counted before is worth nothing."""
    draw = Draw(4)
    return [150 * phase + skewed(draw, 300) for phase in range(6) for _ in range(500)]


TRACES = [popular_keys, loop, scans, pairs, shifts]
ENTRIES = [1, 2, 7, 20, 50, 100, 150]
BYTES = [3_000, 20_000, 60_000]


def size_of(key):
    """16 to 2,000 bytes, most of them small, the same for a key in every trace."""
    draw = Draw(key + 1)
    return 16 + min(draw.below(1985) for _ in range(3))


def vectors():
    """Yields (file name, its lines)."""
    expected = [["trace", "unit", "capacity", "policy", "requests", "misses", "resident"]]
    for make in TRACES:
        name = make.__name__.replace("_", "-")
        requests = [(key, size_of(key)) for key in make()]
        yield f"{name}.csv", [["key", "size"], *requests]
        ones = [(key, 1) for key, _ in requests]
        cells = [("entries", ones, capacity) for capacity in ENTRIES]
        cells += [("bytes", requests, capacity) for capacity in BYTES]
        for unit, weighted, capacity in cells:
            for policy_name, policy_of in (POLICIES | MORE_POLICIES).items():
                policy = policy_of(capacity)
                misses = replay(policy, weighted)
                resident = " ".join(str(key) for key in sorted(policy.resident()))
                expected.append([name, unit, capacity, policy_name, len(requests), misses, resident])
    yield "expected.csv", expected


def write(check):
    differing = []
    for name, rows in vectors():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        path = VECTORS / name
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.getvalue())
        elif not path.exists() or path.read_text() != text.getvalue():
            differing.append(name)
    if differing:
        sys.exit(f"not as this program writes them, in {VECTORS}: {', '.join(differing)}")


def load(path):
    records = subprocess.run(["zstd", "-dc", "--long=31", path], check=True, capture_output=True).stdout
    return [(key, size) for _, _, key, size, _ in struct.iter_unpack("<QBQII", records)]


def prove(folder, only):
    """Compares the policies above with the exact figures that another simulator published for larger traces."""
    by_published_name = {PUBLISHED_NAMES.get(name, name.upper()): name for name in POLICIES}
    requests_of, cells, deviations = {}, 0, 0
    for row in csv.DictReader((folder / "reference.csv").open()):
        trace, name = row["trace"], by_published_name.get(row["policy"])
        if row["source"] != "own-sim" or name is None or (only and trace not in only):
            continue
        if trace not in requests_of:
            requests_of[trace] = load(folder / f"{trace}.bin.zst")
        requests = requests_of[trace]
        if row["mode"] == "unit":
            requests = [(key, 1) for key, _ in requests]
        ratio = replay(POLICIES[name](int(row["capacity"])), requests) / len(requests)
        cells += 1
        if abs(ratio - float(row["miss_ratio"])) > 0.0000006:
            deviations += 1
            print(f"{trace} {row['mode']} {row['capacity']} {name}: {ratio:.6f} instead of {row['miss_ratio']}")
    print(f"{cells} figures compared, {deviations} differ")
    if deviations or not cells:
        sys.exit(1)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            write(check=False)
        case ["--check"]:
            write(check=True)
        case ["--prove", folder, *only]:
            prove(pathlib.Path(folder), only)
        case _:
            sys.exit(__doc__)
