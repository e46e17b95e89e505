"""Runs suites of the built tests, up to the first failure and within limits taken from a run without a change."""
import os
import re
import resource
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass

MEMORY = 12 << 30  # bytes of address space: a change that appends for ever must not take the machine's memory
# What tests flush to a disk takes most of their time: their folders are in memory where that is possible.
TEMPORARY = {"TMPDIR": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {}
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
FAILED = re.compile(r"^✘ (?:Test|Suite) (.*?)(?: recorded an issue| failed|$)")


@dataclass
class Outcome:
    passed: bool
    reason: str  # of what failed
    seconds: float
    processor: float  # seconds of all threads


@dataclass
class Limits:
    """Processor time ends what loops, and time what waits for ever; both are wide for machines with other work."""
    processor: int = 1800
    seconds: int = 3600

    @staticmethod
    def of(unchanged):
        return Limits(3 + int(5 * unchanged.processor), 60 + int(10 * unchanged.seconds))


def run(tree, suites, limits, environment):
    def limit():
        os.nice(5)
        resource.setrlimit(resource.RLIMIT_CPU, (limits.processor, limits.processor + 5))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        [tree.binary, "--testing-library", "swift-testing", "--filter", "^(" + "|".join(suites) + r")\."],
        cwd=tree.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, preexec_fn=limit, env={**os.environ, **TEMPORARY, **environment})
    reason = watch(process, start + limits.seconds)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.stdout.close()
    status = process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if not reason and status == -signal.SIGXCPU:
        reason = "too much processor time"
    if not reason and status != 0:
        reason = f"ended with {status}"
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Outcome(not reason, reason, time.monotonic() - start, processor)


def watch(process, deadline):
    """Reads until the process ends, a test fails, or time is up; says what failed."""
    os.set_blocking(process.stdout.fileno(), False)
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return "too much time"
            # What a test started may outlive it and hold its output.
            has_ended = process.poll() is not None
            if not selector.select(0 if has_ended else min(left, 1)):
                if has_ended:
                    return ""
                continue
            piece = os.read(process.stdout.fileno(), 1 << 16)
            if not piece:
                try:
                    process.wait(max(0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    return "too much time"
                return ""
            *lines, pending = (pending + piece).split(b"\n")
            for line in lines:
                failed = FAILED.search(COLOURS.sub("", line.decode(errors="replace")))
                if failed:
                    return failed.group(1)
