"""The network policies let through what the topology needs, and no more."""

import ipaddress
import unittest
from itertools import combinations

from compose import compose
from manifests import BASE, TRY, WORKLOADS, assembled, of_kind, pod_labels

NAMESPACE = "cadastre"


class Peer:
    """Somebody who sends or is sent to: a pod in a namespace, or an address outside."""

    def __init__(self, name, namespace=None, labels=None, address=None):
        self.name = name
        self.namespace = namespace
        self.labels = labels or {}
        self.address = address and ipaddress.ip_address(address)


OUTSIDE = (
    Peer("ingress", "ingress-nginx", {"app.kubernetes.io/component": "controller"}),
    Peer("monitoring", "monitoring", {"app.kubernetes.io/name": "prometheus"}),
    Peer("dns", "kube-system", {"k8s-app": "kube-dns"}),
    Peer("somebody", "elsewhere", {"app.kubernetes.io/name": "cadastre", "app.kubernetes.io/component": "gateway"}),
    Peer("webhook", "ingress-nginx", {"app.kubernetes.io/component": "webhook"}),
    Peer("azure", address="20.60.0.1"),
    Peer("our own network", address="10.20.30.40"),
    Peer("metadata", address="169.254.169.254"),
)
PORTS = (22, 53, 80, 443, 6379, 6380, 8080, 10000, 10002)


def selects(selector, labels):
    assert set(selector) <= {"matchLabels"}, f"this test does not know {selector}"
    return selector.get("matchLabels", {}).items() <= labels.items()


def is_peer(term, peer):
    assert set(term) <= {"podSelector", "namespaceSelector", "ipBlock"}, f"this test does not know {term}"
    if "ipBlock" in term:
        block = term["ipBlock"]
        return peer.address is not None and peer.address in ipaddress.ip_network(block["cidr"]) and not any(
            peer.address in ipaddress.ip_network(hole) for hole in block.get("except", [])
        )
    if peer.namespace is None:
        return False
    if "namespaceSelector" in term:
        here = selects(term["namespaceSelector"], {"kubernetes.io/metadata.name": peer.namespace})
    else:
        here = peer.namespace == NAMESPACE
    return here and selects(term.get("podSelector", {}), peer.labels)


def lets(policies, direction, own, other, port):
    """Whether the pod `own` may receive from, or send to, `other`."""
    if own.namespace != NAMESPACE:
        return True
    kind, field, side = {"in": ("Ingress", "ingress", "from"), "out": ("Egress", "egress", "to")}[direction]
    of_it = [
        policy["spec"]
        for policy in policies
        if kind in policy["spec"]["policyTypes"] and selects(policy["spec"]["podSelector"], own.labels)
    ]
    if not of_it:
        return True
    return any(
        any(is_peer(term, other) for term in rule[side]) and any(one["port"] == port for one in rule["ports"])
        for policy in of_it
        for rule in policy.get(field, [])
    )


def edges(objects):
    """Every (from, to, port) that the policies let through, where one end is ours."""
    policies = of_kind(objects, "NetworkPolicy")
    ours = [
        Peer(workload["metadata"]["name"], NAMESPACE, pod_labels(workload)) for workload in of_kind(objects, *WORKLOADS)
    ]
    everybody = [*ours, *OUTSIDE]
    return {
        (sender.name, receiver.name, port)
        for sender in everybody
        for receiver in everybody
        for port in PORTS
        if sender is not receiver
        and NAMESPACE in (sender.namespace, receiver.namespace)
        and lets(policies, "out", sender, receiver, port)
        and lets(policies, "in", receiver, sender, port)
    }


TOPOLOGY = {
    ("ingress", "gateway", 8080),
    ("gateway", "frontend", 8080),
    ("frontend", "dataaccess", 8080),
    # Webhooks go to public addresses, as Azure's are.
    ("frontend", "azure", 443),
    ("dataaccess", "azure", 443),
    ("dataaccess", "azure", 6380),
    ("dataaccess", "azure", 10000),
    ("monitoring", "gateway", 8080),
    ("monitoring", "frontend", 8080),
    ("monitoring", "dataaccess", 8080),
    ("gateway", "dns", 53),
    ("frontend", "dns", 53),
    ("dataaccess", "dns", 53),
}


class Network(unittest.TestCase):
    maxDiff = None

    def test_every_edge_of_the_topology_is_let_through_and_no_other(self):
        self.assertEqual(edges(assembled(BASE)), TOPOLOGY)

    def test_for_trying_out_the_stores_are_reached_by_data_access_alone(self):
        more = {
            ("dataaccess", "azurite", 10002),
            ("dataaccess", "redis", 6379),
            ("azurite", "dns", 53),
            ("redis", "dns", 53),
        }
        self.assertEqual(edges(assembled(TRY)), TOPOLOGY | more)

    def test_without_the_policy_that_lets_nothing_through_much_more_would_be(self):
        open_to_all = [one for one in assembled(BASE) if one["kind"] != "NetworkPolicy"]
        self.assertGreater(len(edges(open_to_all)), 5 * len(TOPOLOGY))


class ComposeNetworks(unittest.TestCase):
    def test_each_layer_shares_a_network_with_the_next_one_and_with_no_other(self):
        found = compose({"CADASTRE_SERVICE_TOKEN": "x", "CADASTRE_ADMIN_PASSWORD": "x"})
        layers = {name: name.split("-")[0] for name in found["services"]}
        together = {
            tuple(sorted((layers[one], layers[other])))
            for one, other in combinations(found["services"], 2)
            if set(found["services"][one]["networks"]) & set(found["services"][other]["networks"])
        }
        alike = {(layer, layer) for layer in ("frontend", "dataaccess")}
        chain = {("frontend", "gateway"), ("dataaccess", "frontend"), ("dataaccess", "redis"), ("azurite", "dataaccess")}
        self.assertEqual(together - {("azurite", "redis")}, chain | alike)
        self.assertEqual([name for name, one in found["services"].items() if one.get("ports")], ["gateway"])
        for name in ("api", "calls"):
            self.assertTrue(found["networks"][name]["internal"])
