"""Prefixes as numbers, and what is free beneath one: worked out from the children alone, in the plainest way, so that
the server's own counters and lists have something to be compared with."""

import ipaddress
from typing import NamedTuple


class Prefix(NamedTuple):
    """A canonical prefix. Sorts like the tree: by family, address, then the shorter one first."""

    bits: int  # 32 or 128
    first: int
    length: int

    @staticmethod
    def parse(text):
        """Raises ValueError for anything that is not canonical CIDR notation."""
        network = ipaddress.ip_network(text, strict=True)
        if str(network) != text:
            raise ValueError(f"{text} is not canonical, {network} would be")
        return Prefix(network.max_prefixlen, int(network.network_address), network.prefixlen)

    @property
    def size(self):
        """Number of addresses, exact."""
        return 1 << (self.bits - self.length)

    @property
    def end(self):
        """The address behind the last one."""
        return self.first + self.size

    def cut(self, length):
        """The prefix of this shorter length around it."""
        host = self.bits - length
        return Prefix(self.bits, self.first >> host << host, length)

    def contains(self, other):
        """Whether the other lies in it, or is it."""
        return self.bits == other.bits and self.first <= other.first and other.end <= self.end

    def __str__(self):
        kind = ipaddress.IPv4Address if self.bits == 32 else ipaddress.IPv6Address
        return f"{kind(self.first)}/{self.length}"


def blocks(bits, first, end):
    """The fewest aligned prefixes that fill the addresses from `first` up to, and without, `end`."""
    found = []
    while first < end:
        step = min(first & -first if first else 1 << bits, 1 << (end - first).bit_length() - 1)
        found.append(Prefix(bits, first, bits - step.bit_length() + 1))
        first += step
    return found


def free_blocks(node, children):
    """What the children, sorted and not overlapping, leave free of the node, in order."""
    found, at = [], node.first
    for child in children:
        found += blocks(node.bits, at, child.first)
        at = child.end
    return found + blocks(node.bits, at, node.end)
