"""Verification must be able to fail. Each test doctors a record, or what the server says, and names the sentence that
must come of it; the same without the doctoring is well."""

import copy
import ipaddress
import json
import random
import unittest

from compare import acknowledged, figures, tree
from prefixes import Prefix, blocks, free_blocks
from record import Given, Record, RecordError

POOL = "10.0.0.0/24"


def node(number, prefix, key, parent="pool"):
    return {"id": f"id{number}", "prefix": prefix, "description": key, "parentId": parent}


def run():
    """A small run: three requests answered, one prefix released and given again, one refused. Returns `(lines, nodes)`."""
    lines = [
        {"t": "space", "id": "s", "name": "Load test"},
        {"t": "pool", "id": "pool", "prefix": POOL},
        {"t": "begin", "seconds": 1},
        {"t": "ask", "key": "a", "count": 1, "taken": True},
        {"t": "ask", "key": "b", "count": 2, "taken": True},
        {"t": "got", "key": "a", "nodes": [["id1", "10.0.0.1/32"]]},
        {"t": "got", "key": "b", "nodes": [["id2", "10.0.0.2/32"], ["id3", "10.0.0.3/32"]]},
        {"t": "got", "key": "a", "nodes": [["id1", "10.0.0.1/32"]]},  # The same key once more.
        {"t": "release", "ids": ["id1"]},
        {"t": "ask", "key": "c", "count": 1, "taken": True},
        {"t": "got", "key": "c", "nodes": [["id4", "10.0.0.1/32"]]},
        {"t": "released", "ids": ["id1"]},
        {"t": "ask", "key": "d", "count": 9, "taken": True},
        {"t": "refused", "key": "d", "code": "Depleted"},
    ]
    nodes = [
        {"id": "pool", "prefix": POOL, "description": "set-up", "parentId": None},
        node(4, "10.0.0.1/32", "c"), node(2, "10.0.0.2/32", "b"), node(3, "10.0.0.3/32", "b"),
    ]
    return lines, nodes


def violations(lines, nodes):
    record = Record().read(json.dumps(line) for line in lines)
    return record.violations + acknowledged(record, nodes)[0] + tree(nodes)[0]


class AcknowledgedTest(unittest.TestCase):
    def setUp(self):
        self.lines, self.nodes = run()

    def refute(self, *words):
        found = violations(self.lines, self.nodes)
        self.assertTrue(any(all(word in text for word in words) for text in found), f"{words} are not in {found}")

    def test_a_good_run_is_well(self):
        self.assertEqual(violations(self.lines, self.nodes), [])

    def test_an_address_given_to_two_at_once(self):
        self.lines[10]["nodes"] = [["id4", "10.0.0.2/32"]]
        self.refute("Given twice", "10.0.0.2/32", "key c", "key b")

    def test_an_address_given_again_before_its_release_was_asked_for(self):
        self.lines[8], self.lines[10] = self.lines[10], self.lines[8]
        self.lines[8], self.lines[9] = self.lines[9], self.lines[8]
        self.refute("Given twice", "10.0.0.1/32", "key c", "key a")

    def test_a_block_around_an_address_that_is_held(self):
        self.lines[10]["nodes"] = [["id4", "10.0.0.0/29"]]
        self.refute("Given twice", "10.0.0.0/29")

    def test_an_address_inside_a_block_that_is_held(self):
        self.lines[5]["nodes"] = self.lines[7]["nodes"] = [["id1", "10.0.0.0/29"]]
        self.refute("Given twice", "10.0.0.2/32 (id id2, key b) while 10.0.0.0/29 was held")

    def test_another_answer_to_the_same_key(self):
        self.lines[7]["nodes"] = [["id9", "10.0.0.9/32"]]
        self.refute("The key a was answered with 10.0.0.1/32 and with 10.0.0.9/32")

    def test_fewer_than_were_asked_for(self):
        self.lines[6]["nodes"].pop()
        self.refute("The key b asked for 2, and was answered with 1")

    def test_the_same_id_for_two(self):
        self.lines[10]["nodes"] = [["id2", "10.0.0.1/32"]]
        self.refute("The id id2 was given to b and to c")

    def test_an_acknowledged_prefix_that_is_lost(self):
        del self.nodes[2]
        self.refute("10.0.0.2/32 (id id2) was acknowledged to b and not released, but it does not exist")

    def test_an_acknowledged_prefix_with_another_id(self):
        self.nodes[2]["id"] = "id7"
        self.refute("10.0.0.2/32 (id id7) exists, but its request b was answered with")

    def test_an_acknowledged_id_with_another_prefix(self):
        self.nodes[2]["prefix"] = "10.0.0.77/32"
        self.refute("10.0.0.77/32", "was acknowledged as 10.0.0.2/32")

    def test_a_prefix_that_nobody_asked_for(self):
        self.nodes.append(node(8, "10.0.0.8/32", "z"))
        self.refute("10.0.0.8/32", "nobody asked for it")

    def test_a_prefix_of_a_request_that_was_refused(self):
        self.nodes.append(node(8, "10.0.0.8/32", "d"))
        self.refute("10.0.0.8/32", "was refused with Depleted")

    def test_a_prefix_whose_release_was_acknowledged(self):
        self.nodes.append(node(1, "10.0.0.9/32", "a"))
        self.refute("10.0.0.9/32", "its release was acknowledged")

    def test_a_refusal_of_a_key_that_was_answered(self):
        self.lines.append({"t": "refused", "key": "c", "code": "Depleted"})
        self.refute("The key c was answered", "also refused with Depleted")

    def test_half_of_a_request_that_was_cut_off(self):
        self.lines.append({"t": "ask", "key": "e", "count": 2, "taken": True})
        self.nodes.append(node(8, "10.0.0.8/32", "e"))
        self.refute("The request e was never answered", "all or none")

    def test_all_of_a_request_that_was_cut_off_is_well_and_listed(self):
        self.lines.append({"t": "ask", "key": "e", "count": 1, "taken": True})
        self.nodes.append(node(8, "10.0.0.8/32", "e"))
        self.assertEqual(violations(self.lines, self.nodes), [])
        record = Record().read(json.dumps(line) for line in self.lines)
        self.assertEqual(list(acknowledged(record, self.nodes)[1]), ["e"])

    def test_a_release_that_was_cut_off_may_have_happened_or_not(self):
        self.lines.append({"t": "release", "ids": ["id2"]})
        self.assertEqual(violations(self.lines, self.nodes), [])
        del self.nodes[2]
        self.assertEqual(violations(self.lines, self.nodes), [])

    def test_a_release_that_was_refused_did_not_happen(self):
        self.lines += [{"t": "release", "ids": ["id2"]}, {"t": "stays", "ids": ["id2"]}]
        del self.nodes[2]
        self.refute("10.0.0.2/32 (id id2) was acknowledged to b and not released")

    def test_created_nodes_may_lie_in_each_other(self):
        self.lines += [{"t": "ask", "key": "e", "count": 1, "taken": False}, {"t": "got", "key": "e", "nodes": [["id8", "10.0.0.0/30"]]}]
        self.nodes = [self.nodes[0], node(8, "10.0.0.0/30", "e")] + [{**child, "parentId": "id8"} for child in self.nodes[1:]]
        self.assertEqual(violations(self.lines, self.nodes), [])

    def test_two_nodes_at_one_prefix(self):
        self.nodes.append(node(9, "10.0.0.2/32", "b"))
        self.refute("10.0.0.2/32 is there twice")

    def test_one_node_listed_twice(self):
        self.nodes.append(dict(self.nodes[2]))
        self.refute("The id id2 is there 2 times")

    def test_another_parent(self):
        self.nodes[2]["parentId"] = "id4"
        self.refute("10.0.0.2/32 says that its parent is id4, but the tightest node around it is pool")

    def test_a_line_that_is_cut_off_is_passed_over_and_counted(self):
        lines = [json.dumps(line) for line in self.lines] + ['{"t":"got","key":"c","nod', "Request Failed", ""]
        record = Record().read(lines)
        self.assertEqual((record.violations, record.unreadable), ([], 2))

    def test_a_line_of_another_shape_is_an_error(self):
        with self.assertRaisesRegex(RecordError, "line 1"):
            Record().read(['{"t":"ask","key":"a"}'])


class FiguresTest(unittest.TestCase):
    def setUp(self):
        self.node = Prefix.parse(POOL)
        self.children = [Prefix.parse(text) for text in ("10.0.0.1/32", "10.0.0.2/32", "10.0.0.64/26")]
        self.utilization = {
            "prefix": POOL, "total": "256", "used": "66", "free": "190", "percent": 25.78, "children": "3",
            "childrenByLength": {"26": "1", "32": "2"}, "largestFree": {"prefixLength": 25, "addresses": "128"},
            "freeBlocksByLength": {"25": "1", "27": "1", "28": "1", "29": "1", "30": "1", "32": "2"},
        }
        self.available = [{"prefix": prefix, "addresses": addresses} for prefix, addresses in (
            ("10.0.0.0/32", "1"), ("10.0.0.3/32", "1"), ("10.0.0.4/30", "4"), ("10.0.0.8/29", "8"), ("10.0.0.16/28", "16"),
            ("10.0.0.32/27", "32"), ("10.0.0.128/25", "128"))]

    def found(self):
        return figures(self.node, self.children, self.utilization, self.available)

    def test_right_figures_are_well(self):
        self.assertEqual(self.found(), [])

    def test_each_wrong_figure_is_named(self):
        for name, value in (("used", "65"), ("free", "191"), ("total", "255"), ("children", "4"), ("largestFree", None),
                            ("childrenByLength", {"32": "3"}), ("freeBlocksByLength", {}), ("percent", 25.79)):
            good = copy.deepcopy(self.utilization)
            self.utilization[name] = value
            self.assertTrue(any(name in text for text in self.found()), name)
            self.utilization = good

    def test_a_free_block_that_is_missing(self):
        del self.available[3]
        self.assertTrue(any("leaves a hole from 10.0.0.8/32" in text for text in self.found()))

    def test_the_last_free_block_is_missing(self):
        self.available.pop()
        self.assertTrue(any("128 addresses early" in text for text in self.found()))

    def test_a_free_block_that_is_taken(self):
        self.available[0] = {"prefix": "10.0.0.0/31", "addresses": "2"}
        self.assertTrue(any("10.0.0.1/32 overlaps" in text for text in self.found()))

    def test_a_free_block_in_two_halves(self):
        self.available[-1:] = [{"prefix": "10.0.0.128/26", "addresses": "64"}, {"prefix": "10.0.0.192/26", "addresses": "64"}]
        self.assertTrue(any("largest blocks" in text for text in self.found()))

    def test_a_free_block_of_another_size(self):
        self.available[2]["addresses"] = "5"
        self.assertTrue(any("10.0.0.4/30 has 5 addresses" in text for text in self.found()))

    def test_numbers_of_ipv6_are_exact(self):
        pool, child = Prefix.parse("2001:db8::/32"), Prefix.parse("2001:db8::/64")
        free = free_blocks(pool, [child])
        self.assertEqual(sum(block.size for block in free), 2**96 - 2**64)


class ModelTest(unittest.TestCase):
    """The arithmetic and the index against plain loops over every address, on random input from a fixed seed."""

    def test_free_blocks_are_the_fewest_prefixes_of_what_no_child_covers(self):
        dice = random.Random(1)
        for _ in range(300):
            pool = ipaddress.ip_network("192.0.2.0/26")
            children = []
            for _ in range(dice.randrange(8)):
                length = dice.randrange(27, 33)
                child = list(pool.subnets(new_prefix=length))[dice.randrange(2 ** (length - 26))]
                if not any(child.overlaps(other) for other in children):
                    children.append(child)
            free = set(pool) - {address for child in children for address in child}
            expected = list(ipaddress.collapse_addresses(free))
            found = free_blocks(Prefix.parse(str(pool)), sorted(Prefix.parse(str(child)) for child in children))
            self.assertEqual([str(prefix) for prefix in found], [str(prefix) for prefix in expected])

    def test_the_whole_of_each_family_is_one_block(self):
        self.assertEqual([str(prefix) for prefix in blocks(32, 0, 2**32) + blocks(128, 0, 2**128)], ["0.0.0.0/0", "::/0"])

    def test_overlaps_are_found_whatever_the_order_of_lengths(self):
        dice = random.Random(2)
        for _ in range(100):
            given, held = Given(), {}
            for number in range(60):
                length = dice.randrange(24, 33)
                prefix = Prefix(32, dice.randrange(2**8) << 0, 32).cut(length)
                expected = any(prefix.contains(other) or other.contains(prefix) for other in held)
                self.assertEqual(given.overlap(prefix) is not None, expected, (str(prefix), [str(other) for other in held]))
                if not expected:
                    given.add(prefix, number)
                    held[prefix] = number
                elif dice.random() < 0.7:
                    other = dice.choice(list(held))
                    given.discard(other, held.pop(other))


class PrefixTest(unittest.TestCase):
    def test_what_is_not_canonical_is_refused(self):
        for text in ("10.0.0.1/24", "2001:DB8::/32", "10.0.0.0", "10.0.0.0/33", "x"):
            with self.assertRaises(ValueError, msg=text):
                Prefix.parse(text)


if __name__ == "__main__":
    unittest.main()
