"""What is around a run: sources that change, outputs that others write, full and read-only disks, pipes, names, links,
limits, many files and large ones. Each case returns what went wrong, or the reason why it was not tried."""
import fcntl, os, resource, shutil, struct, subprocess, tempfile
from runs import tree


class Skipped(Exception):
    pass


def outcome(bench, arguments, expected, finals=None, **more):
    """Runs the program; what is wrong with how it ended, with what it said, and with the names that it left."""
    run = subprocess.run([bench.binary, *arguments], capture_output=True, stdin=more.pop("stdin", subprocess.DEVNULL),
                         timeout=600, **more)
    errors = [line for line in run.stderr.decode(errors="replace").splitlines() if not line.startswith("warning: ")]
    what = " ".join(repr(a)[1:-1] for a in arguments[:6])
    wrong = []
    if run.returncode not in (expected if isinstance(expected, tuple) else (expected,)):
        wrong.append(f"{what}: exit code {run.returncode}, expected {expected}: {errors[:2]}")
    if run.returncode != 0 and (len(errors) != 1 or not errors[0].startswith("error: ")):
        wrong.append(f"{what}: {len(errors)} lines: {errors[:3]}")
    if run.returncode == 0 and errors:
        wrong.append(f"{what}: ended with 0 and said {errors[0]}")
    if finals is not None:
        folder, names = finals
        found = sorted(os.listdir(folder))
        if found != sorted(names):
            wrong.append(f"{what}: left {found}, expected {sorted(names)}")
    return wrong


def changing_sources(bench):
    """The source is cut, or written to, while it is read."""
    bench.preload()
    wrong = []
    for command, code in (("truncate -s 5000000 '{}'", 74), ("printf x | dd of='{}' bs=1 seek=9000000 conv=notrunc", 74),
                          ("cp '{}' '{}.new' && mv '{}.new' '{}'", 0)):
        for subject in (["quantize", "{}/m.gguf", "{}/out/q.gguf", "Q4_K_M", "-q", "-t", "1"],
                        ["convert", "{}/model", "--outfile", "{}/out/m.gguf", "-q", "-t", "1"],
                        ["quantize", "{}/model", "{}/out/w4/", "W4A16", "-q", "-t", "1"],
                        ["export", "{}/m.gguf", "{}/out/hf", "-q", "-t", "1"]):
            folder = bench.new_folder()
            shutil.copy(f"{bench.inputs}/m.gguf", folder)
            shutil.copytree(f"{bench.inputs}/model", f"{folder}/model")
            arguments = [word.replace("{}", folder) for word in subject]
            file = f"{folder}/m.gguf" if "m.gguf" in subject[1] else f"{folder}/model/model.safetensors"
            shell = command.replace("{}", file) + " 2>/dev/null"
            environment = dict(os.environ, LD_PRELOAD=bench.library, FAULT_CALL="pwrite", FAULT_AT="12", FAULT_RUN=shell)
            found = outcome(bench, arguments, code, env=environment)
            if code and tree(f"{folder}/out"):
                found.append(f"{' '.join(subject)}: left {sorted(tree(f'{folder}/out'))}")
            wrong += [f"{command.split()[0]}: {what}" for what in found]
            shutil.rmtree(folder)
    return wrong


def two_writers(bench):
    """Two runs write one output."""
    folder = bench.new_folder() + "/out"
    wrong = []
    whole = {}
    for name in ("Q4_K_M", "Q5_K_M"):
        bench.call("quantize", f"{bench.inputs}/m.gguf", f"{folder}/{name}.gguf", name, "-q")
        whole[name] = tree(folder)[f"{name}.gguf"]
        os.remove(f"{folder}/{name}.gguf")
    for _ in range(8):
        runs = [subprocess.Popen([bench.binary, "quantize", f"{bench.inputs}/m.gguf", f"{folder}/q.gguf", name, "-q"],
                                 stderr=subprocess.PIPE) for name in whole]
        codes = [(run.communicate()[1], run.returncode) for run in runs]
        if any(code for _, code in codes) or tree(folder).get("q.gguf") not in whole.values() or len(tree(folder)) != 1:
            wrong.append(f"two at a time: {codes}, {sorted(tree(folder))}")
    os.remove(f"{folder}/q.gguf")
    # As while another run holds it.
    with open(f"{folder}/.q.gguf.journal", "w") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        wrong += outcome(bench, ["quantize", f"{bench.inputs}/m.gguf", f"{folder}/q.gguf", "Q4_K_M", "-q", "--resume"], 74,
                         (folder, [".q.gguf.journal"]))
        wrong += outcome(bench, ["quantize", f"{bench.inputs}/m.gguf", f"{folder}/q.gguf", "Q4_K_M", "-q"], 0,
                         (folder, [".q.gguf.journal", "q.gguf"]))
    return wrong


def small_disk(bench, size, subject, **more):
    """Runs a command beside a disk of some megabytes, in a mount namespace of its own."""
    with tempfile.TemporaryDirectory(dir=bench.folder) as place:
        os.makedirs(f"{place}/out")
        os.makedirs(f"{place}/disk")
        words = " ".join(f"'{word}'" for word in subject).replace("@", f"{place}/out").replace("^", f"{place}/disk")
        script = (f"mount -t tmpfs -o size={size} none '{place}/disk' || exit 99; {more.get('prefix', '')} "
                  f"'{bench.binary}' {words}; code=$?; ls -A '{place}/disk' > '{place}/list'; exit $code").replace(
                      "^", f"{place}/disk")
        run = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True)
        if run.returncode == 99 or "unshare" in run.stderr:
            raise Skipped("no mount namespaces here")
        errors = [line for line in run.stderr.splitlines() if not line.startswith("warning: ")]
        with open(f"{place}/list") as file:
            left = file.read().split()
        return run.returncode, errors, left, sorted(tree(f"{place}/out"))


def full_disks(bench):
    """The disk of the output, and that of temporary files, is too small."""
    wrong = []
    base, model, text = f"{bench.inputs}/m.gguf", f"{bench.inputs}/model", f"{bench.inputs}/e.txt"
    for name, subject, prefix in (
            ("output", ["quantize", base, "^/q.gguf", "Q4_K_M", "-q"], ""),
            ("output of convert", ["convert", model, "--outfile", "^/m.gguf", "-q"], ""),
            ("output of export", ["export", base, "^/hf", "-q"], ""),
            ("output of a ladder", ["quantize", base, "^/", "Q4_K_M", "Q2_K", "-q"], ""),
            ("output with a journal", ["quantize", base, "^/q.gguf", "Q4_K_M", "-q", "--resume"], ""),
            ("directory", ["quantize", model, "^/w4/", "W4A16", "-q"], ""),
            ("TMPDIR of a report", ["report", base, "--types", "Q8_0", "-f", text, "-o", "@/report", "--ctx-size", "128",
                                    "-q"], "TMPDIR=^"),
            ("TMPDIR of a directory", ["quantize", base, "@/w4/", "W4A16", "-q"], "TMPDIR=^")):
        size = "20k" if name == "TMPDIR of a directory" else "2m"
        code, errors, left, out = small_disk(bench, size, subject, prefix=prefix)
        if code != 74 or len(errors) != 1 or out or (left and "journal" not in name):
            wrong.append(f"{name}: exit code {code}, {errors[:2]}, left {left + out}")
        elif "no space left" not in errors[0]:
            wrong.append(f"{name}: {errors[0]}")
    return wrong


def read_only(bench):
    """Folders that cannot be written to, files that cannot be read: as a user whom rights hold for."""
    folder = bench.new_folder()
    for name in ("closed", "secret"):
        os.makedirs(f"{folder}/{name}")
    shutil.copy(f"{bench.inputs}/m.gguf", f"{folder}/secret/m.gguf")
    os.chmod(f"{folder}/secret/m.gguf", 0)
    os.chmod(f"{folder}/closed", 0o555)
    for place in (bench.folder, folder):
        os.chmod(place, 0o755)
    user = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    base, closed = f"{bench.inputs}/m.gguf", f"{folder}/closed"
    wrong = []
    for arguments in (["quantize", base, f"{closed}/q.gguf", "Q4_K_M", "-q"], ["export", base, f"{closed}/hf", "-q"],
                      ["quantize", base, f"{closed}/q.gguf", "Q4_K_M", "-q", "--resume"],
                      ["convert", f"{bench.inputs}/model", "--outfile", f"{closed}/m.gguf", "-q"],
                      ["quantize", f"{bench.inputs}/model", f"{closed}/w4/", "W4A16", "-q"]):
        wrong += outcome(bench, arguments, 74, (closed, []), **user)
    wrong += outcome(bench, ["inspect", f"{folder}/secret/m.gguf"], 74, **user)
    wrong += outcome(bench, ["quantize", f"{folder}/secret/m.gguf", f"{closed}/q.gguf", "Q8_0"], 74, (closed, []), **user)
    return wrong


def names(bench):
    """Spaces, lines, quotes, a dash in front, bytes that are no text."""
    folder = bench.new_folder() + "/out"
    wrong = []
    for name in ("a b", "two\nlines", "\u00e9\U0001f600", "'quoted\"", "back\\slash", "\t", "%s%n", "x" * 200):
        path = f"{folder}/{name}"
        os.makedirs(path)
        shutil.copytree(f"{bench.inputs}/model", f"{path}/model")
        wrong += outcome(bench, ["convert", f"{path}/model", "--outfile", f"{path}/{name[:180]}.gguf", "-q"], 0)
        wrong += outcome(bench, ["verify", f"{path}/{name[:180]}.gguf", "-q"], 0)
        wrong += outcome(bench, ["quantize", f"{path}/{name[:180]}.gguf", f"{path}/q", "Q4_K_M", "--resume", "-q"], 0)
        wrong += outcome(bench, ["inspect", f"{path}/missing {name[:100]}"], 74)
        shutil.rmtree(path)
    raw = os.fsencode(folder) + b"/no\xfftext.gguf"
    shutil.copy(f"{bench.inputs}/m.gguf", raw)
    for arguments in (["inspect", raw], ["quantize", f"{bench.inputs}/m.gguf", raw + b"2", "Q8_0", "-q"]):
        wrong += outcome(bench, arguments, 64)
    os.symlink(raw, f"{folder}/link.gguf")
    wrong += outcome(bench, ["verify", f"{folder}/link.gguf", "-q"], 0)
    # A file of no concern with such a name beside a model's.
    shutil.copytree(f"{bench.inputs}/model", f"{folder}/model")
    shutil.copy(f"{bench.inputs}/c.txt", os.fsencode(folder) + b"/model/\xfe.txt")
    wrong += outcome(bench, ["convert", f"{folder}/model", "--outfile", f"{folder}/m.gguf", "-q"], 0)
    return wrong


def links(bench):
    """The hub's cache: files that are links to blobs, a blob that is not there, links in circles."""
    folder = bench.new_folder()
    repository = f"{folder}/models--someone--tiny"
    snapshot = f"{repository}/snapshots/0123abcd"
    for place in (f"{repository}/blobs", f"{repository}/refs", snapshot):
        os.makedirs(place)
    with open(f"{repository}/refs/main", "w") as file:
        file.write("0123abcd")
    for number, name in enumerate(sorted(os.listdir(f"{bench.inputs}/model"))):
        shutil.copy(f"{bench.inputs}/model/{name}", f"{repository}/blobs/{number}")
        os.symlink(f"../../blobs/{number}", f"{snapshot}/{name}")
    out = f"{folder}/out"
    wrong = outcome(bench, ["convert", repository, "--outfile", f"{out}/a.gguf", "-q"], 0)
    wrong += outcome(bench, ["convert", snapshot, "--outfile", f"{out}/b.gguf", "-q"], 0)
    if tree(out).get("a.gguf") != tree(out).get("b.gguf"):
        wrong.append("other bytes from the repository than from the snapshot")
    wrong += outcome(bench, ["quantize", snapshot, f"{out}/w4/", "W4A16", "-q"], 0)
    # What goes into an output is a file, not a link that may end.
    wrong += [f"{name} is a link" for name in os.listdir(f"{out}/w4") if os.path.islink(f"{out}/w4/{name}")]
    os.remove(os.path.realpath(f"{snapshot}/model.safetensors"))
    wrong += outcome(bench, ["convert", repository, "--outfile", f"{out}/c.gguf", "-q"], (65, 74))
    os.symlink("loop.gguf", f"{folder}/loop.gguf")
    wrong += outcome(bench, ["inspect", f"{folder}/loop.gguf"], 74)
    wrong += outcome(bench, ["quantize", f"{out}/a.gguf", f"{folder}/loop.gguf", "Q8_0", "-q"], 74)
    return wrong


def pipes(bench):
    """Models on pipes are refused, texts on pipes are read; outputs are files."""
    folder = bench.new_folder()
    base = f"{bench.inputs}/m.gguf"
    os.mkfifo(f"{folder}/pipe.gguf")
    wrong = []
    for command in (["inspect"], ["verify"], ["quantize", "-q"], ["export"]):
        rest = {"quantize": [f"{folder}/out/q.gguf", "Q8_0"], "export": [f"{folder}/out/hf"]}.get(command[0], [])
        for path in (f"{folder}/pipe.gguf", "/dev/stdin", "/dev/null"):
            wrong += outcome(bench, [*command, path, *rest], (65, 74), (f"{folder}/out", []))
    wrong += outcome(bench, ["convert", f"{bench.inputs}/model", "--outfile", "/dev/full", "-q"], 74)
    with open(f"{bench.inputs}/e.txt", "rb") as text:
        wrong += outcome(bench, ["perplexity", "-m", base, "-f", "-", "--ctx-size", "128", "-q"], 0, stdin=text)
    with open("/dev/full", "w") as full:
        run = subprocess.run([bench.binary, "inspect", base], stdout=full, stderr=subprocess.PIPE, text=True)
        if run.returncode != 74 or run.stderr.count("\n") != 1:
            wrong.append(f"results on a full disk: exit code {run.returncode}: {run.stderr}")
    return wrong


def memory(bench):
    """Less and less address space: a run ends well with the usual bytes, or with 74 and nothing left."""
    from runs import CASES
    wrong = []
    tried = 0
    for case in (case for case in CASES if case.name in ("convert", "quantize", "ladder", "W4A16", "imatrix", "export")):
        reference = bench.run(case, {}).tree
        for megabytes in (1500, 1000, 700, 500, 400, 300, 250, 200):
            folder = bench.new_folder()
            limit = megabytes << 20
            run = subprocess.run(bench.arguments(case, folder), capture_output=True, text=True, timeout=600,
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
            left = tree(f"{folder}/out")
            # Before the program begins the loader says what it lacks.
            if run.returncode == 127 or "Fatal error: failed to allocate" in run.stderr and "error: " not in run.stderr:
                continue
            tried += 1
            errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
            if run.returncode == 0 and left != reference:
                wrong.append(f"{case.name} in {megabytes} MiB: other bytes")
            if run.returncode not in (0, 74) or run.returncode and (left or len(errors) != 1):
                wrong.append(f"{case.name} in {megabytes} MiB: exit code {run.returncode}: {run.stderr[:300]}, {left}")
    if not tried:
        raise Skipped("every limit is too small for the loader")
    return wrong


def processors(bench):
    """As many threads as processors may be used."""
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        raise Skipped("one processor only")
    script = f"taskset -c {processors[0]} '{bench.binary}' quantize --dry-run --json '{bench.inputs}/m.gguf' Q4_K_M"
    one = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    all_ = bench.call("quantize", "--dry-run", "--json", f"{bench.inputs}/m.gguf", "Q4_K_M")
    if one.returncode:
        raise Skipped("no taskset")
    # Buffers are for each thread.
    return [] if one.stdout != all_.stdout else ["as much memory planned for one processor as for several"]



def gguf(path, tensors, size):
    """A sparse GGUF file: tensors as (name, dimensions, type, bytes), the first dimension the innermost."""
    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 1) + text("general.architecture") + struct.pack("<I", 8)
    header += text("none")
    offset = 0
    places = []
    for name, dimensions, kind, count in tensors:
        header += text(name) + struct.pack("<I", len(dimensions)) + struct.pack(f"<{len(dimensions)}Q", *dimensions)
        header += struct.pack("<IQ", kind, offset)
        places.append(offset)
        offset += (count + 31) // 32 * 32
    start = (len(header) + 31) // 32 * 32
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(start + offset)
    return [start + place for place in places]


def many_files(bench):
    """10,000 files in one run: none stays open, and where so many cannot be open at a time it is told."""
    folder = bench.new_folder()
    count = 10_000
    tensors = [(f"t{n}.weight", (32, 2), 0, 256) for n in range(count)]
    places = gguf(f"{folder}/many.gguf", tensors, 0)
    with open(f"{folder}/many.gguf", "r+b") as file:
        for n, place in enumerate(places):
            file.seek(place)
            file.write(struct.pack("<64f", *[n + i / 64 for i in range(64)]))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 100:
        raise Skipped(f"at most {hard} open files here")
    low = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))}
    parts = f"{folder}/out/part"
    wrong = outcome(bench, ["split", f"{folder}/many.gguf", parts, "--split-max-tensors", "1", "-q"], 0,
                    **low)
    if len(os.listdir(f"{folder}/out")) != count:
        return wrong + [f"{len(os.listdir(f'{folder}/out'))} files"]
    first = f"{parts}-00001-of-{count:05}.gguf"
    wrong += outcome(bench, ["merge", first, f"{folder}/whole.gguf", "-q"], 0, **low)
    wrong += outcome(bench, ["diff", f"{folder}/many.gguf", f"{folder}/whole.gguf"], 0, **low)
    least = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))}
    wrong += outcome(bench, ["merge", first, f"{folder}/other.gguf"], 74, **least)
    os.makedirs(f"{folder}/none")
    wrong += outcome(bench, ["split", f"{folder}/many.gguf", f"{folder}/none/part", "--split-max-tensors", "1"], 74,
                     (f"{folder}/none", []), **least)
    shutil.rmtree(folder)
    return wrong


def large_files(bench):
    """A tensor of more than 2^31 values, data beyond byte 2^32, in a sparse file."""
    if shutil.disk_usage(bench.folder).free < 7 << 30:
        raise Skipped("less than 7 GiB free")
    folder = bench.new_folder()
    path = f"{folder}/large.gguf"
    columns, rows = 1 << 16, 33_000
    tensors = [("big.weight", (columns, rows), 1, 2 * columns * rows), ("end.weight", (256, 1), 0, 1024)]
    places = gguf(path, tensors, 0)
    # The last values of the large tensor, and those behind it.
    with open(path, "r+b") as file:
        file.seek(places[0] + 2 * columns * rows - 512)
        file.write(struct.pack("<256e", *[(i - 128) / 64 for i in range(256)]))
        file.seek(places[1])
        file.write(struct.pack("<256f", *range(256)))
    wrong = outcome(bench, ["inspect", path], 0)
    wrong += outcome(bench, ["quantize", path, f"{folder}/out/copy.gguf", "COPY", "-q"], 0)
    with open(f"{folder}/out/copy.gguf", "rb") as file:
        content_end = os.path.getsize(f"{folder}/out/copy.gguf")
        file.seek(content_end - 1024 - 512)
        same = file.read()
    with open(path, "rb") as file:
        file.seek(places[1] - 512)
        if file.read(512 + 1024) != same:
            wrong.append("other bytes at the end of the copy")
    os.remove(f"{folder}/out/copy.gguf")
    wrong += outcome(bench, ["quantize", path, f"{folder}/out/q.gguf", "Q2_K", "--tensor-type", "end=F32", "--verify",
                             "-q"], 0)
    with open(f"{folder}/out/q.gguf", "rb") as file:
        file.seek(os.path.getsize(f"{folder}/out/q.gguf") - 1024 - 84)
        last = file.read(84)
        if not any(last):
            wrong.append("the last block of the large tensor is empty")
        if file.read() != struct.pack("<256f", *range(256)):
            wrong.append("other values behind the large tensor")
    wrong += outcome(bench, ["split", path, f"{folder}/out/part", "--split-max-tensors", "1", "--dry-run"], 0)
    shutil.rmtree(folder)
    return wrong


ALL = {"changing": changing_sources, "writers": two_writers, "disks": full_disks, "read-only": read_only, "names": names,
       "links": links, "pipes": pipes, "memory": memory, "processors": processors, "many": many_files,
       "large": large_files}
NAMES = list(ALL)


def run(bench, wanted):
    """Runs the cases, prints a line for each; 1 when something was wrong."""
    bad = 0
    for name, case in ALL.items():
        if wanted and name not in wanted:
            continue
        try:
            wrong = case(bench)
        except Skipped as reason:
            print(f"{name:12} not tried: {reason}", flush=True)
            continue
        print(f"{name:12} {'good' if not wrong else 'WRONG'}: {case.__doc__.splitlines()[0]}", flush=True)
        for what in wrong:
            print(f"  {what}", flush=True)
        bad += bool(wrong)
    return 1 if bad else 0
