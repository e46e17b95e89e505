"""A copy of the project with the changes of a sample compiled in, kept between runs so that only what differs is built."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import places
import switches


class BuildError(Exception):
    pass


def blocks(manifest):
    """The targets of a manifest: name, names that it needs, text."""
    for match in re.finditer(r"\.(?:target|testTarget|executableTarget|systemLibrary)\(", manifest):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(manifest[end], 0)
            end += 1
        text = manifest[match.start(): end]
        name = re.search(r'name: "(\w+)"', text).group(1)
        listed = re.search(r"dependencies: \[(.*?)\](?=,|\s*\))", text, re.S)
        needs = re.findall(r'"(\w+)"', re.sub(r"\.product\([^)]*\)", "", listed.group(1))) if listed else []
        yield name, needs, text


def reduced(manifest, suites):
    """The manifest with the suites, what they need, and nothing else; and the names that are left."""
    start, stop = manifest.index("\n    targets: [") + 1, manifest.rindex("    ]")
    targets = {name: (needs, text) for name, needs, text in blocks(manifest[start:stop])}
    wanted, open_names = set(), list(suites)
    while open_names:
        name = open_names.pop()
        if name in targets and name not in wanted:
            wanted.add(name)
            open_names += targets[name][0]
    head = re.sub(r"products: \[.*?\n    \],", "products: [],", manifest[:start], flags=re.S)
    listed = ",\n".join(text for name, (_, text) in targets.items() if name in wanted)
    packages = set(re.findall(r'package: "([^"]+)"', listed))
    head = "\n".join(
        line for line in head.split("\n")
        if ".package(" not in line or any(f'/{package}"' in line for package in packages))
    return head + "    targets: [\n" + listed + "\n" + manifest[stop:], wanted


class Tree:
    def __init__(self, root, folder, suites):
        self.root, self.folder = root, folder
        self.manifest, self.wanted = reduced((root / "Package.swift").read_text(), suites)
        self.contents, self.listed = {}, []
        self.binary = folder / ".build/release/ingotPackageTests.xctest"

    def files(self):
        for top in ("Sources", "Tests", "fixtures"):
            for path in sorted((self.root / top).rglob("*")):
                below = path.relative_to(self.root)
                if (path.is_file() or path.is_symlink()) and (top == "fixtures" or below.parts[1] in self.wanted):
                    yield below

    def content(self, below):
        """A file of the project as it was first read: a run is of one state."""
        if below not in self.contents:
            self.contents[below] = (self.root / below).read_bytes()
        return self.contents[below]

    def write(self, chosen):
        """Makes the copy what the project is now, with the changes; files that stay as they are keep their time."""
        by_file, by_target, generated = {}, {}, {}
        for change in chosen:
            by_file.setdefault(change.path, []).append(change)
            by_target.setdefault(change.target, []).append(change)
        for target, found in by_target.items():
            folder = pathlib.Path("Sources") / target
            if found[0].is_swift:
                generated[folder / "Mutations.swift"], owners = switches.swift(target, found)
                self.owners[folder / "Mutations.swift"] = owners
            else:
                generated[folder / "mutations.c"] = switches.c(target, found)
        present = set(generated)
        self.listed = self.listed or list(self.files())
        for below in self.listed:
            present.add(below)
            if below in by_file:
                self.put(below, places.compiled_in(self.content(below).decode(), by_file[below]).encode())
            elif (self.root / below).is_symlink():
                if not os.path.lexists(self.folder / below):
                    (self.folder / below).parent.mkdir(parents=True, exist_ok=True)
                    os.symlink(os.readlink(self.root / below), self.folder / below)
            else:
                self.put(below, self.content(below))
        for below, text in generated.items():
            self.put(below, text.encode())
        self.put(pathlib.Path("Package.swift"), self.manifest.encode())
        for top in ("Sources", "Tests", "fixtures"):
            for path in (self.folder / top).rglob("*"):
                if not path.is_dir() and path.relative_to(self.folder) not in present:
                    self.is_built(False)
                    path.unlink()

    def is_built(self, value=None):
        """Whether the last build was of what the copy holds now."""
        mark = self.folder / ".build/mutations-are-built"
        if value:
            mark.touch()
        elif value is False:
            mark.unlink(missing_ok=True)
        return mark.exists()

    def put(self, below, content):
        path = self.folder / below
        if not path.exists() or path.read_bytes() != content:
            self.is_built(False)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def build(self, chosen, report):
        """Builds with all changes that compile, and returns those; what does not is remembered for the next run."""
        known = self.root / ".build-mutate/refused"
        known.touch()
        seen = set(known.read_text().split("\n"))
        chosen = self.for_this_processor([change for change in chosen if change.text not in seen])
        while True:
            self.owners = {}
            self.write(chosen)
            if self.is_built():
                return chosen
            done = subprocess.run(
                ["nice", "swift", "build", "-c", "release", "--build-tests"], cwd=self.folder, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode == 0:
                self.is_built(True)
                return chosen
            refused = self.refused(done.stdout, chosen)
            if not refused:
                raise BuildError(done.stdout[-4000:])
            with open(known, "a") as file:
                file.writelines(change.text + "\n" for change in refused)
            for change in refused:
                report(f"does not compile  {change.path}:{change.line + 1}  {change.after.strip()}")
            chosen = [change for change in chosen if change not in refused]

    def refused(self, output, chosen):
        """The changes that errors of the compiler point at: of the same line, else of the nearest in the file."""
        found = []
        for match in re.finditer(r"^(/[^:\n]+):(\d+):\d+: error:", output, re.M):
            path, line = pathlib.Path(match.group(1)), int(match.group(2)) - 1
            if not path.is_relative_to(self.folder):
                continue
            below = path.relative_to(self.folder)
            if below in self.owners:
                found += [self.owners[below][line]] if line in self.owners[below] else []
                continue
            near = [change for change in chosen if change.path == below]
            distance = min((abs(change.line - line) for change in near), default=0)
            found += [change for change in near if abs(change.line - line) == distance and change not in found]
        return found

    def for_this_processor(self, chosen):
        """Without changes of C that are not compiled for this processor, and without the second of a line."""
        taken, kept = set(), []
        for change in chosen:
            if change.is_swift:
                kept.append(change)
            elif (change.path, change.line) not in taken:
                taken.add((change.path, change.line))
                kept.append(change)
        seen = set()
        for target in {change.target for change in kept if not change.is_swift}:
            seen |= self.preprocessed(target, [change for change in kept if change.target == target])
        return [change for change in kept if change.is_swift or change.name in seen]

    def preprocessed(self, target, chosen):
        """The changes that are left of a target's C when it is compiled for this processor."""
        seen, source = set(), pathlib.Path("Sources") / target
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            shutil.copytree(self.root / source, folder / source)
            for path in {change.path for change in chosen}:
                found = [change for change in chosen if change.path == path]
                (folder / path).write_text(places.compiled_in(self.content(path).decode(), found))
            for path in sorted((folder / source).glob("*.c")):
                text = subprocess.run(
                    [shutil.which("clang") or "cc", "-E", "-P", "-I", folder / source / "include", path],
                    capture_output=True, text=True).stdout
                seen |= {f"{target}:{number}" for number in re.findall(r"mutation == (\d+)", text)}
        return seen
