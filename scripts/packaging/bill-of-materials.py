#!/usr/bin/env python3
"""Prints the bill of materials of the static binary: CycloneDX 1.6, JSON.

usage: scripts/packaging/bill-of-materials.py VERSION

The Swift packages are those that the package manager resolved; the libraries beside them are what the
static link takes from this machine: Swift's runtime, libzstd, libstdc++. Nothing in it depends on the time.
"""
import json
import re
import subprocess
import sys


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.split("\n\n")[1])
    version = sys.argv[1]
    tree = json.loads(run("swift", "package", "show-dependencies", "--format", "json"))
    components, edges = {}, {}
    own = f"ingot@{version}"
    collect(tree, own, components, edges)
    for library in libraries():
        components[library["bom-ref"]] = library
        edges[own].add(library["bom-ref"])
    edges.update({name: set() for name in components if name not in edges})
    print(json.dumps({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"component": {
            "type": "application", "bom-ref": own, "name": "ingot", "version": version}},
        "components": [components[name] for name in sorted(components)],
        "dependencies": [{"ref": name, "dependsOn": sorted(edges[name])} for name in sorted(edges)],
    }, indent=2))


def collect(package, name, components, edges):
    """Adds the packages below `package`, which is called `name`, and who needs whom."""
    edges.setdefault(name, set())
    for child in package["dependencies"]:
        place = re.sub(r"^https?://|\.git$", "", child["url"])
        reference = f"pkg:swift/{place}@{child['version']}"
        components[reference] = {
            "type": "library", "bom-ref": reference, "name": child["name"],
            "version": child["version"], "purl": reference,
            "externalReferences": [{"type": "vcs", "url": child["url"]}]}
        edges[name].add(reference)
        collect(child, reference, components, edges)


def libraries():
    """What the linker takes from the machine."""
    swift = re.search(r"Swift version (\S+)", run("swift", "--version")).group(1)
    found = [("swift-runtime", swift, f"pkg:generic/swift@{swift}")]
    for library, pattern in (("libzstd", "libzstd-dev"), ("libstdc++", "libstdc++-*-dev")):
        listed = run("dpkg-query", "-W", "-f", "${Version}\\n", pattern).split()
        if listed:
            found.append((library, listed[-1], f"pkg:deb/debian/{library}@{listed[-1]}"))
    return [{"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
            for name, version, purl in found]


def run(*words):
    """What a command prints; the build stops when it fails."""
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0 and words[0] != "dpkg-query":
        sys.exit(f"{' '.join(words)}: {done.stderr.strip()[-1000:]}")
    return done.stdout


main()
