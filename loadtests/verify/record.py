"""What the server acknowledged, from the record that the scenarios wrote (`lib/record.js` says what each line means).

Reads it as a stream, once. What must hold at every moment of the run is checked on the way: nobody is given what
another holds, and the same key is always answered the same."""

import json

from prefixes import Prefix

# What became of a request.
ASKED, ANSWERED, REFUSED, UNKNOWN = "asked", "answered", "refused", "unknown"
# What became of a node that was acknowledged.
HELD, LEAVING, GONE = "held", "leaving", "gone"


class RecordError(Exception):
    """The record is not one that the scenarios wrote."""


class Request:
    """One request that makes nodes."""

    __slots__ = ("count", "taken", "state", "nodes", "code")

    def __init__(self, count, taken):
        self.count, self.taken = count, taken
        self.state, self.nodes, self.code = ASKED, None, None


class Given:
    """The prefixes that are held at one moment: finds the holder of any overlap in a few look-ups."""

    def __init__(self):
        self.holders = {}  # Prefix -> node id
        self.inside = {}  # (bits, length) -> {Prefix of that length: how many held ones lie in it}

    def _shorter(self, prefix):
        return (length for bits, length in self.inside if bits == prefix.bits and length <= prefix.length)

    def overlap(self, prefix):
        """A held prefix that shares an address with this one, or None."""
        for length in self._shorter(prefix):
            if prefix.cut(length) in self.holders:
                return prefix.cut(length)
        if self.inside.get((prefix.bits, prefix.length), {}).get(prefix):
            return next(held for held in self.holders if prefix.contains(held))
        # A length that was never seen before is in no index yet.
        if (prefix.bits, prefix.length) not in self.inside:
            return next((held for held in self.holders if prefix.contains(held)), None)
        return None

    def add(self, prefix, holder):
        key = (prefix.bits, prefix.length)
        if key not in self.inside:
            index = self.inside[key] = {}
            for held in self.holders:
                if held.bits == prefix.bits and held.length >= prefix.length:
                    index[held.cut(prefix.length)] = index.get(held.cut(prefix.length), 0) + 1
        self.holders[prefix] = holder
        for length in self._shorter(prefix):
            index = self.inside[prefix.bits, length]
            index[prefix.cut(length)] = index.get(prefix.cut(length), 0) + 1

    def discard(self, prefix, holder):
        if self.holders.get(prefix) != holder:
            return
        del self.holders[prefix]
        for length in self._shorter(prefix):
            self.inside[prefix.bits, length][prefix.cut(length)] -= 1


class Record:
    """All of it, after `read`."""

    def __init__(self):
        self.spaces = {}  # id -> name
        self.pools = {}  # node id -> Prefix
        self.requests = {}  # key -> Request
        self.nodes = {}  # node id -> [Prefix, state, key]
        self.faults = []
        self.violations = []
        self.given = Given()
        self.unreadable = 0

    def read(self, lines):
        """Takes over the lines. Whatever is not a JSON object with a kind (a message of k6) is counted and passed over."""
        kinds = {
            "space": self._space, "pool": self._pool, "begin": ignore, "retry": ignore, "ask": self._ask, "got": self._got,
            "refused": self._refused, "unknown": self._unknown, "release": self._release, "released": self._released,
            "stays": self._stays, "fault": self.faults.append,
        }
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                handle = kinds[entry["t"]]
            except (ValueError, KeyError, TypeError):
                self.unreadable += bool(line.strip())
                continue
            try:
                handle(entry)
            except (ValueError, KeyError, TypeError) as error:
                raise RecordError(f"line {number} of the record cannot be understood ({error!r}): {line.strip()[:200]}") from error
        return self

    def violation(self, text):
        self.violations.append(text)

    def _space(self, entry):
        self.spaces[entry["id"]] = entry["name"]

    def _pool(self, entry):
        self.pools[entry["id"]] = Prefix.parse(entry["prefix"])

    def _ask(self, entry):
        if entry["key"] in self.requests:
            self.violation(f"The record asks twice with the key {entry['key']}.")
        self.requests[entry["key"]] = Request(entry["count"], entry["taken"])

    def _request(self, key):
        if key not in self.requests:
            self.violation(f"The record has an answer to the key {key}, which was never asked.")
            self.requests[key] = Request(0, False)
        return self.requests[key]

    def _got(self, entry):
        key, request = entry["key"], self._request(entry["key"])
        nodes = sorted((node, prefix) for node, prefix in entry["nodes"])
        if request.state == REFUSED:
            self.violation(f"The key {key} was refused with {request.code}, and was also answered with {shown(nodes)}.")
        if request.nodes is not None:
            if nodes != request.nodes:
                self.violation(f"The key {key} was answered with {shown(request.nodes)} and with {shown(nodes)}.")
            return
        if len(nodes) != request.count:
            self.violation(f"The key {key} asked for {request.count}, and was answered with {len(nodes)}.")
        request.state, request.nodes = ANSWERED, nodes
        for node, text in nodes:
            self._take(request, key, node, text)

    def _take(self, request, key, node, text):
        prefix = Prefix.parse(text)
        if node in self.nodes:
            self.violation(f"The id {node} was given to {self.nodes[node][2]} and to {key}.")
        if request.taken:
            other = self.given.overlap(prefix)
            if other is not None:
                holder = self.given.holders[other]
                self.violation(f"Given twice: {prefix} (id {node}, key {key}) while {other} was held "
                               f"(id {holder}, key {self.nodes[holder][2]}).")
            self.given.add(prefix, node)
        self.nodes[node] = [prefix, HELD, key]

    def _refused(self, entry):
        request = self._request(entry["key"])
        if request.nodes is not None:
            self.violation(f"The key {entry['key']} was answered with {shown(request.nodes)}, and was also refused with {entry['code']}.")
            return
        request.state, request.code = REFUSED, entry["code"]

    def _unknown(self, entry):
        request = self._request(entry["key"])
        if request.nodes is None:
            request.state = UNKNOWN

    def _move(self, entry, state):
        for node in entry["ids"]:
            if node not in self.nodes:
                self.violation(f"The record releases the id {node}, which nobody was given.")
                continue
            self.nodes[node][1] = state
            if state != HELD:
                self.given.discard(self.nodes[node][0], node)

    def _release(self, entry):
        self._move(entry, LEAVING)

    def _released(self, entry):
        self._move(entry, GONE)

    def _stays(self, entry):
        self._move(entry, HELD)
        for node in entry["ids"]:
            prefix, _, key = self.nodes.get(node, (None, None, None))
            if prefix is not None and self.requests[key].taken and self.given.overlap(prefix) is None:
                self.given.add(prefix, node)


def ignore(_):
    """A line for people."""


def shown(nodes):
    """The first few prefixes of an answer."""
    return ", ".join(prefix for _, prefix in nodes[:4]) + (", …" if len(nodes) > 4 else "")
