"""What the server has, against what it acknowledged; and its own figures, against a recount. Pure: takes what was read,
returns sentences about what is wrong."""

from collections import Counter

from prefixes import Prefix, free_blocks
from record import ANSWERED, GONE, HELD, LEAVING, REFUSED, shown

SET_UP = "set-up"  # The description of what set-up made (lib/plan.js).


def acknowledged(record, nodes):
    """Compares the nodes of all spaces of the run (as the API gives them) with the record.

    Returns `(violations, unanswered)`; the second lists what nobody was told of because a request was cut off."""
    wrong, unanswered, there = [], {}, {}
    for node in nodes:
        there[node["id"]] = node
        key = node.get("description")
        if key == SET_UP or node["id"] in record.pools:
            continue
        known = record.nodes.get(node["id"])
        request = record.requests.get(key)
        if known is None and request is None:
            wrong.append(f"{node['prefix']} (id {node['id']}) exists, but nobody asked for it: its description is {key!r}.")
        elif known is None and request.state == REFUSED:
            wrong.append(f"{node['prefix']} (id {node['id']}) exists, but its request {key} was refused with {request.code}.")
        elif known is None and request.state == ANSWERED:
            wrong.append(f"{node['prefix']} (id {node['id']}) exists, but its request {key} was answered with {shown(request.nodes)}.")
        elif known is None:
            unanswered.setdefault(key, []).append(node)
        elif known[1] == GONE:
            wrong.append(f"{node['prefix']} (id {node['id']}) exists, but its release was acknowledged.")
        elif Prefix.parse(node["prefix"]) != known[0] or key != known[2]:
            wrong.append(f"{node['prefix']} (id {node['id']}, {key!r}) was acknowledged as {known[0]} ({known[2]!r}).")
    for node, (prefix, state, key) in record.nodes.items():
        if state == HELD and node not in there:
            wrong.append(f"{prefix} (id {node}) was acknowledged to {key} and not released, but it does not exist.")
    for key, found in unanswered.items():
        if len(found) != record.requests[key].count:
            wrong.append(f"The request {key} was never answered; it asked for {record.requests[key].count}, and {len(found)} "
                         "of them exist. It must be all or none.")
    return wrong, unanswered


def tree(nodes):
    """Works out the tree of one space from the prefixes alone.

    Returns `(violations, {node id: [Prefix of each direct child, in order]})`."""
    wrong, children, stack = [], {}, []
    ids = Counter(node["id"] for node in nodes)
    wrong += [f"The id {node} is there {times} times." for node, times in ids.items() if times > 1]
    for prefix, node in sorted(((Prefix.parse(node["prefix"]), node) for node in nodes), key=lambda pair: pair[0]):
        while stack and not stack[-1][0].contains(prefix):
            stack.pop()
        if stack and stack[-1][0] == prefix:
            wrong.append(f"{prefix} is there twice: ids {stack[-1][1]} and {node['id']}.")
            continue
        parent = stack[-1][1] if stack else None
        if node.get("parentId") != parent:
            wrong.append(f"{prefix} says that its parent is {node.get('parentId')}, but the tightest node around it is {parent}.")
        children[node["id"]] = []
        if parent is not None:
            children[parent].append(prefix)
        stack.append((prefix, node["id"]))
    return wrong, children


def figures(node, children, utilization, available):
    """Compares `utilization` and `available` of a node (as the API gives them) with a recount of its direct children."""
    free = free_blocks(node, children)
    used = sum(child.size for child in children)
    expected = {
        "prefix": str(node), "total": str(node.size), "used": str(used), "free": str(node.size - used),
        "children": str(len(children)), "childrenByLength": by_length(children), "freeBlocksByLength": by_length(free),
        "largestFree": largest(free),
    }
    wrong = [f"utilization of {node} says {name} = {utilization.get(name)}, a recount gives {value}."
             for name, value in expected.items() if utilization.get(name) != value]
    if round(utilization["percent"] * 100) != used * 10_000 // node.size:
        wrong.append(f"utilization of {node} says {utilization['percent']} percent of {used} in {node.size}.")
    listed = [Prefix.parse(block["prefix"]) for block in available]
    wrong += [f"available of {node} says that {block['prefix']} has {block['addresses']} addresses."
              for block, prefix in zip(available, listed) if block["addresses"] != str(prefix.size)]
    wrong += tiles(node, children, listed)
    if not wrong and listed != free:
        wrong.append(f"available of {node} is not in order, or not in the largest blocks: {len(listed)} blocks, {len(free)} would do.")
    return wrong


def tiles(node, children, free):
    """Children and free blocks together must fill the node, each address once."""
    at, wrong = node.first, []
    for prefix, what in sorted([(child, "child") for child in children] + [(block, "free block") for block in free]):
        if prefix.first != at:
            end = Prefix(node.bits, min(at, prefix.first), node.bits)
            wrong.append(f"{node}: the {what} {prefix} {'overlaps what comes before it' if prefix.first < at else f'leaves a hole from {end}'}.")
        at = max(at, prefix.end)
    if at != node.end:
        wrong.append(f"{node}: children and free blocks end {abs(node.end - at)} addresses {'early' if at < node.end else 'late'}.")
    return wrong


def by_length(prefixes):
    return {str(length): str(count) for length, count in sorted(Counter(prefix.length for prefix in prefixes).items())}


def largest(free):
    if not free:
        return None
    best = min(free, key=lambda block: block.length)
    return {"prefixLength": best.length, "addresses": str(best.size)}


def still_leaving(record):
    """Nodes whose release was never answered: they may be there or not."""
    return sum(state == LEAVING for _, state, _ in record.nodes.values())
