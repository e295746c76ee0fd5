"""Proves, after a load test, that no address was given twice and that the server's counters equal a recount.

    BASE_URL=http://127.0.0.1:8080 TOKEN=… python3 loadtests/verify RECORD...

reads the records (`k6 run --log-format raw --console-output RECORD`, with KEEP=1 so that the space is still there)
and everything that the server has in the spaces of those runs. Exits 0 if all holds, 1 if something is violated, 2 if
it cannot be told. `--remove` deletes the spaces afterwards, unless something was violated."""

import argparse
import os
import sys
import time

from compare import acknowledged, figures, still_leaving, tree
from prefixes import Prefix
from record import Record, RecordError
from server import Server, ServerError

MOST_SHOWN = 20
MOST_CUT_OFF = 5


def main():
    parser = argparse.ArgumentParser(prog="verify", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", nargs="+", metavar="RECORD")
    parser.add_argument("--remove", action="store_true", help="delete the spaces afterwards")
    arguments = parser.parse_args()
    try:
        record = Record()
        for path in arguments.records:
            with open(path, encoding="utf-8", errors="replace") as lines:
                record.read(lines)
        return verify(record, connect(), arguments.remove)
    except (OSError, RecordError, ServerError) as error:
        print(f"verify: {error}", file=sys.stderr)
        return 2


def connect():
    """The server and the caller that the environment names, by the same variables as the scenarios."""
    server = Server(os.environ.get("BASE_URL") or "http://127.0.0.1:8080", os.environ.get("TOKEN"))
    if not server.token:
        password = os.environ.get("PASSWORD")
        if not password and os.environ.get("PASSWORD_FILE"):
            with open(os.environ["PASSWORD_FILE"], encoding="utf-8") as file:
                password = file.read().strip()
        if not password:
            raise ServerError("there is neither a TOKEN nor a PASSWORD nor a PASSWORD_FILE")
        server.login(os.environ.get("LOGIN") or "admin", password)
    return server


def verify(record, server, remove):
    if not record.spaces:
        print("verify: the record names no address space: the run ended before set-up did", file=sys.stderr)
        return 2
    violations, unanswered, counted = examine(record, server)
    if violations:
        # A request that was cut off may have been carried out while we read. A real violation stays.
        time.sleep(2)
        violations, unanswered, counted = examine(record, server)
    violations = record.violations + violations
    told = [request for request in record.requests.values() if request.nodes is not None]
    print(f"verify: {len(told)} of {len(record.requests)} requests were answered with {sum(len(r.nodes) for r in told)} prefixes; "
          f"{counted['nodes']} nodes read, figures of {counted['figures']} recounted, "
          f"{len(unanswered)} requests cut off though carried out, {still_leaving(record)} releases cut off")
    for key, nodes in sorted(unanswered.items())[:MOST_CUT_OFF]:
        print(f"verify: cut off, though carried out: {key}: {', '.join(node['prefix'] for node in nodes[:4])}")
    if len(unanswered) > MOST_CUT_OFF:
        print(f"verify: … and {len(unanswered) - MOST_CUT_OFF} more that were cut off")
    for text in violations[:MOST_SHOWN]:
        print(f"verify: VIOLATED: {text}", file=sys.stderr)
    if len(violations) > MOST_SHOWN:
        print(f"verify: … and {len(violations) - MOST_SHOWN} more", file=sys.stderr)
    if violations:
        print(f"verify: {len(violations)} violations; the spaces stay: {', '.join(record.spaces.values())}", file=sys.stderr)
        return 1
    print("verify: no address was given twice, and every figure equals its recount")
    for space in record.spaces if remove else ():
        server.remove(space)
    return 0


def examine(record, server):
    """Reads everything, once. Returns `(violations, unanswered, {what: how many})`."""
    violations, everything, counted = [], [], 0
    for space in record.spaces:
        nodes = list(server.nodes(space))
        everything += nodes
        wrong, children = tree(nodes)
        violations += wrong
        for node in nodes:
            beneath = children.get(node["id"], [])
            if beneath or node["id"] in record.pools:
                violations += figures(Prefix.parse(node["prefix"]), beneath, server.utilization(space, node["id"]),
                                      server.available(space, node["id"]))
                counted += 1
    wrong, unanswered = acknowledged(record, everything)
    there = {node["id"] for node in everything}
    wrong += [f"The pool {prefix} (id {node}) does not exist." for node, prefix in record.pools.items() if node not in there]
    return violations + wrong, unanswered, {"nodes": len(everything), "figures": counted}


if __name__ == "__main__":
    sys.exit(main())
