"""Commands of Ingot on the embedded model, each run in a folder of its own, and what it leaves there."""
import hashlib, os, shutil, subprocess, sys, threading
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@dataclass
class Case:
    """A command: its arguments, in which `@` stands for the folder of outputs, `%` for that of inputs."""
    name: str
    arguments: list
    resumes: bool = False
    # Whether each run gives the same bytes; a report tells when and how fast.
    is_exact: bool = True
    # Whether it has a result of several files that appear one after the other.
    is_gradual: bool = False

    def may_have_written(self, finals, reference):
        return self.is_gradual and set(finals) < set(reference.tree) and not self.is_exact


@dataclass
class Run:
    """How a run ended: the exit code (`None` when it did not), what it said, what it left."""
    folder: str
    code: int
    errors: str
    tree: dict
    counts: dict = field(default_factory=dict)
    fired: bool = False


CALIBRATION = ["--calibrate=%/c.txt", "--calibrate-check", "%/e.txt", "--calibrate-tokens", "2048", "--effort", "fast"]
CASES = [
    Case("convert", ["convert", "%/model", "--outfile", "@/m.gguf"]),
    Case("quantize", ["quantize", "%/m.gguf", "@/q.gguf", "Q4_K_M"]),
    Case("directory", ["quantize", "%/model", "@/q.gguf", "Q4_K_M"]),
    Case("ladder", ["quantize", "%/m.gguf", "@/", "Q8_0", "Q4_K_M", "Q2_K"]),
    Case("split", ["quantize", "%/m.gguf", "@/s.gguf", "Q4_K_M", "--split-max-tensors", "12"]),
    Case("verified", ["quantize", "%/m.gguf", "@/q.gguf", "Q4_K_M", "--verify"]),
    Case("provenance", ["quantize", "%/m.gguf", "@/q.gguf", "Q4_K_M", "--provenance"], is_exact=False, is_gradual=True),
    Case("resume", ["quantize", "%/m.gguf", "@/q.gguf", "IQ3_S", "--resume"], resumes=True),
    Case("resume-ladder", ["quantize", "%/m.gguf", "@/", "Q8_0", "IQ4_XS", "Q2_K", "--resume"], resumes=True),
    Case("calibrate", ["quantize", "%/m.gguf", "@/q.gguf", "Q4_K_M", *CALIBRATION]),
    Case("W4A16", ["quantize", "%/model", "@/w4/", "W4A16"]),
    Case("W4A16-gguf", ["quantize", "%/m.gguf", "@/w4/", "W4A16"]),
    Case("export", ["export", "%/m.gguf", "@/hf"]),
    Case("imatrix", ["imatrix", "-m", "%/m.gguf", "-f", "%/c.txt", "-o", "@/im.gguf", "--ctx-size", "128"]),
    Case("report", ["report", "%/m.gguf", "--types", "Q8_0", "-f", "%/e.txt", "-o", "@/report", "--ctx-size", "128"],
         is_exact=False),
    Case("split-file", ["split", "%/m.gguf", "@/p", "--split-max-tensors", "12"]),
    Case("merge", ["merge", "%/parts-00001-of-00005.gguf", "@/whole.gguf"]),
    Case("edit", ["edit", "%/m.gguf", "@/e.gguf", "--set", "general.name=other"]),
]


class Bench:
    """A folder with inputs, and the program."""

    def __init__(self, folder, binary=None):
        self.folder = folder
        self.binary = os.path.abspath(binary or f"{ROOT}/.build/release/ingot")
        if not os.access(self.binary, os.X_OK):
            sys.exit(f"error: {self.binary}: not there; swift build -c release --product ingot")
        self.inputs = f"{folder}/in"
        self.library = None
        self.number = 0
        self.lock = threading.Lock()
        os.makedirs(self.inputs)
        fixture = f"{ROOT}/fixtures/tiny-llama"
        os.makedirs(f"{self.inputs}/model")
        for file in os.listdir(fixture):
            if file != "expected.json":
                shutil.copy(f"{fixture}/{file}", f"{self.inputs}/model/{file}")
        for name, text in (("c", "calibration"), ("e", "evaluation")):
            with open(f"{ROOT}/fixtures/text/{text}.txt", "rb") as file:
                start = file.read(12000 if name == "c" else 5000)
            with open(f"{self.inputs}/{name}.txt", "wb") as file:
                file.write(start)
        self.call("convert", f"{self.inputs}/model", "--outfile", f"{self.inputs}/m.gguf", "-q")
        self.call("split", f"{self.inputs}/m.gguf", f"{self.inputs}/parts", "--split-max-tensors", "12")

    def call(self, *arguments):
        """Runs a command that has to end well."""
        run = subprocess.run([self.binary, *arguments], capture_output=True, text=True)
        if run.returncode:
            sys.exit(f"error: {' '.join(arguments)}: {run.stderr}")
        return run

    def preload(self):
        """Builds the library in which calls fail."""
        self.library = f"{self.folder}/faulty.so"
        compiler = next((c for c in ("clang", "cc", "gcc") if shutil.which(c)), None)
        if not compiler:
            sys.exit("error: clang, cc or gcc: none found")
        source = f"{ROOT}/scripts/reliability/faulty.c"
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", self.library, source, "-ldl"], check=True)

    def new_folder(self):
        with self.lock:
            self.number += 1
            folder = f"{self.folder}/run-{self.number}"
        os.makedirs(f"{folder}/out")
        os.makedirs(f"{folder}/tmp")
        return folder

    def arguments(self, case, folder):
        texts = [a.replace("@", f"{folder}/out").replace("%", self.inputs) for a in case.arguments]
        return [self.binary, *texts, "-q"]

    def run(self, case, environment, folder=None, timeout=60):
        """Runs a case, in a new folder unless one is given."""
        folder = folder or self.new_folder()
        counts = f"{folder}/counts"
        found = dict(os.environ, TMPDIR=f"{folder}/tmp", **environment)
        if self.library:
            found.update(LD_PRELOAD=self.library, FAULT_COUNTS=counts)
        process = subprocess.Popen(self.arguments(case, folder), env=found, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            errors = process.communicate(timeout=timeout)[1].decode(errors="replace")
            code = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            code, errors = None, ""
        run = Run(folder, code, errors, tree(f"{folder}/out"))
        run.tree.update({f".tmp/{k}": v for k, v in tree(f"{folder}/tmp").items()})
        if os.path.exists(counts):
            with open(counts) as file:
                run.counts = {k: int(v) for k, v in (line.split() for line in file)}
            os.remove(counts)
        run.fired = run.counts.pop("fired", 0) == 1
        return run

    def remove(self, run):
        shutil.rmtree(run.folder, ignore_errors=True)


def tree(folder):
    """The digest of each file under a folder; of a folder without files its name."""
    found = {}
    for parent, folders, files in os.walk(folder):
        place = os.path.relpath(parent, folder)
        for file in files:
            with open(os.path.join(parent, file), "rb") as stream:
                found[os.path.normpath(os.path.join(place, file))] = hashlib.file_digest(stream, "sha256").hexdigest()
        if not folders and not files and place != ".":
            found[place] = "empty"
    return found
