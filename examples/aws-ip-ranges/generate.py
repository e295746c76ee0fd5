#!/usr/bin/env python3
"""Makes prefixes.csv and tags.json from AWS's published address ranges.

AWS publishes the ranges of its services at https://ip-ranges.amazonaws.com/ip-ranges.json (described in the
AWS documentation under "AWS IP address ranges"). Download the file, then:

    python3 generate.py ip-ranges.json            # writes prefixes.csv and tags.json beside this script
    python3 generate.py --verify ip-ranges.json   # checks that the two files hold what the input holds

Only the standard library is used. The same input always gives the same bytes.
"""

import argparse
import collections
import csv
import hashlib
import ipaddress
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent

# Names as AWS gives them; regions that AWS has not named in public are called after their code.
REGIONS = {
    "GLOBAL": "Global",
    "af-south-1": "Africa (Cape Town)",
    "ap-east-1": "Asia Pacific (Hong Kong)",
    "ap-east-2": "Asia Pacific (Taipei)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-northeast-2": "Asia Pacific (Seoul)",
    "ap-northeast-3": "Asia Pacific (Osaka)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-south-2": "Asia Pacific (Hyderabad)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ap-southeast-3": "Asia Pacific (Jakarta)",
    "ap-southeast-4": "Asia Pacific (Melbourne)",
    "ap-southeast-5": "Asia Pacific (Malaysia)",
    "ap-southeast-6": "Asia Pacific (New Zealand)",
    "ap-southeast-7": "Asia Pacific (Thailand)",
    "ca-central-1": "Canada (Central)",
    "ca-west-1": "Canada West (Calgary)",
    "cn-north-1": "China (Beijing)",
    "cn-northwest-1": "China (Ningxia)",
    "eu-central-1": "Europe (Frankfurt)",
    "eu-central-2": "Europe (Zurich)",
    "eu-north-1": "Europe (Stockholm)",
    "eu-south-1": "Europe (Milan)",
    "eu-south-2": "Europe (Spain)",
    "eu-west-1": "Europe (Ireland)",
    "eu-west-2": "Europe (London)",
    "eu-west-3": "Europe (Paris)",
    "eusc-de-east-1": "AWS European Sovereign Cloud (Germany)",
    "il-central-1": "Israel (Tel Aviv)",
    "me-central-1": "Middle East (UAE)",
    "me-south-1": "Middle East (Bahrain)",
    "me-west-1": "Middle East (West)",
    "mx-central-1": "Mexico (Central)",
    "sa-east-1": "South America (São Paulo)",
    "sa-west-1": "South America (West)",
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-gov-east-1": "AWS GovCloud (US-East)",
    "us-gov-west-1": "AWS GovCloud (US-West)",
    "us-south-1": "US (South)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
}
CONTINENTS = {
    "af": "Africa", "ap": "Asia", "ca": "North America", "cn": "Asia", "eu": "Europe", "eusc": "Europe",
    "il": "Asia", "me": "Asia", "mx": "North America", "sa": "South America", "us": "North America",
}
OCEANIA = {"ap-southeast-2", "ap-southeast-4", "ap-southeast-6"}
UMBRELLA = "AMAZON"


def continent(region):
    if region == "GLOBAL":
        return "Global"
    return "Oceania" if region in OCEANIA else CONTINENTS[region.split("-")[0]]


def partition(region):
    for start, name in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("eusc-", "aws-eusc")):
        if region.startswith(start):
            return name
    return "aws"


def read(path):
    """The input as {network: (region, border group, {services})}."""
    document = json.loads(path.read_text(encoding="utf-8"))
    entries = [(e["ip_prefix"], e) for e in document["prefixes"]]
    entries += [(e["ipv6_prefix"], e) for e in document["ipv6_prefixes"]]
    nodes = {}
    for text, entry in entries:
        network = ipaddress.ip_network(text)  # strict: refuses host bits
        region, group = entry["region"], entry["network_border_group"]
        known = nodes.setdefault(network, (region, group, set()))
        if known[:2] != (region, group):
            sys.exit(f"{text} is listed in two places: {known[:2]} and {(region, group)}")
        known[2].add(entry["service"])
    return document, nodes


def in_order(nodes):
    return sorted(nodes, key=lambda n: (n.version, int(n.network_address), n.prefixlen))


def primary(services, sizes):
    """The most specific service: the one that lists the fewest prefixes in the whole file."""
    return min(services, key=lambda service: (sizes[service], service))


def enclosing(network, networks):
    """The tightest of `networks` that contains `network` and is not the same."""
    for length in range(network.prefixlen - 1, -1, -1):
        above = network.supernet(new_prefix=length)
        if above in networks:
            return above
    return None


def rows(nodes):
    sizes = collections.Counter(service for _, _, services in nodes.values() for service in services)
    for network in in_order(nodes):
        _, group, services = nodes[network]
        above = enclosing(network, nodes)
        inherited = above is not None and nodes[above][1] == group
        yield [str(network), "" if inherited else group, primary(services, sizes), "+".join(sorted(services))]


def definitions(nodes):
    regions = sorted({region for region, _, _ in nodes.values()})
    groups = {group: region for region, group, _ in nodes.values()}
    for region, group, _ in nodes.values():
        if groups[group] != region:
            sys.exit(f"border group {group} is in two regions: {groups[group]} and {region}")
    services = sorted({service for _, _, listed in nodes.values() for service in listed})
    groups = dict(sorted(groups.items()))
    return [
        {
            "name": "NetworkBorderGroup",
            "description": "Where AWS announces the prefix: a region, a local zone or a wavelength zone.",
            "type": "Inheritable",
            "knownValues": list(groups),
            "implies": {"Region": groups},
        },
        {
            "name": "Region",
            "description": "AWS region; GLOBAL for what belongs to none.",
            "type": "Inheritable",
            "knownValues": regions,
            "attributes": {"DisplayName": {region: REGIONS[region] for region in regions}},
            "implies": {
                "Continent": {region: continent(region) for region in regions},
                "Partition": {region: partition(region) for region in regions},
            },
        },
        {
            "name": "Continent",
            "description": "Continent of the region.",
            "type": "Inheritable",
            "knownValues": sorted({continent(region) for region in regions}),
        },
        {
            "name": "Partition",
            "description": "AWS partition: regions that share accounts and credentials.",
            "type": "Inheritable",
            "knownValues": sorted({partition(region) for region in regions}),
        },
        {
            "name": "Service",
            "description": "The most specific of the services that list the prefix.",
            "type": "NonInheritable",
            "knownValues": services,
        },
        {
            "name": "Services",
            "description": "All services that list the prefix, sorted, joined with +.",
            "type": "NonInheritable",
        },
    ]


def digest(pairs):
    """SHA-256 over the sorted lines `prefix service region border-group`."""
    return hashlib.sha256("".join(f"{line}\n" for line in sorted(pairs)).encode()).hexdigest()


def pairs_of_input(nodes):
    return {
        f"{network} {service} {region} {group}"
        for network, (region, group, services) in nodes.items()
        for service in services
    }


def pairs_of_files():
    """The input again, as a server resolves it: an empty border group is inherited, a region is implied."""
    tags = {tag["name"]: tag for tag in json.loads((HERE / "tags.json").read_text(encoding="utf-8"))}
    region_of = tags["NetworkBorderGroup"]["implies"]["Region"]
    with open(HERE / "prefixes.csv", encoding="utf-8", newline="") as file:
        listed = {ipaddress.ip_network(row["prefix"]): row for row in csv.DictReader(file)}

    def group_of(network):
        return listed[network]["tag:NetworkBorderGroup"] or group_of(enclosing(network, listed))

    pairs = set()
    for network, row in listed.items():
        group = group_of(network)
        for service in row["tag:Services"].split("+"):
            pairs.add(f"{network} {service} {region_of[group]} {group}")
    return pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", type=pathlib.Path, help="AWS's ip-ranges.json")
    parser.add_argument("--verify", action="store_true", help="compare the files with the input, write nothing")
    arguments = parser.parse_args()
    document, nodes = read(arguments.input)
    wanted = pairs_of_input(nodes)
    if not arguments.verify:
        with open(HERE / "prefixes.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["prefix", "tag:NetworkBorderGroup", "tag:Service", "tag:Services"])
            writer.writerows(rows(nodes))
        text = json.dumps(definitions(nodes), indent=2, ensure_ascii=False)
        (HERE / "tags.json").write_text(f"{text}\n", encoding="utf-8")
    if pairs_of_files() != wanted:
        sys.exit("prefixes.csv and tags.json do not hold what the input holds")
    print(f"input of {document['createDate']}: {len(nodes)} prefixes, {len(wanted)} (prefix, service) pairs")
    print(f"sha256 of the pairs: {digest(wanted)}")


if __name__ == "__main__":
    main()
