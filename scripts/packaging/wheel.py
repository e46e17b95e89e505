#!/usr/bin/env python3
"""Writes a Python wheel that installs the binary on the path and its libraries beside it.

usage: scripts/packaging/wheel.py ROOT VERSION PLATFORM FOLDER

ROOT has bin/ingot, lib/ingot/ and share/. The layout is that of the binary distribution format
(packaging.python.org): the binary under NAME-VERSION.data/scripts/, what goes below the environment's
prefix under NAME-VERSION.data/data/, METADATA, WHEEL and RECORD under NAME-VERSION.dist-info/. Times are
SOURCE_DATE_EPOCH's.
"""
import base64
import hashlib
import os
import sys
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__.split("\n\n")[1])
    root, version, platform, folder = Path(sys.argv[1]), *sys.argv[2:]
    tag = f"py3-none-{platform}"
    information = f"ingot-{version}.dist-info"
    installed = [path for part in ("lib", "share") for path in sorted((root / part).rglob("*")) if path.is_file()]
    files = [
        (f"ingot-{version}.data/scripts/ingot", (root / "bin/ingot").read_bytes(), 0o755),
        *((f"ingot-{version}.data/data/{path.relative_to(root)}", path.read_bytes(), 0o644) for path in installed),
        (f"{information}/licenses/LICENSE", (ROOT / "LICENSE").read_bytes(), 0o644),
        (f"{information}/METADATA", metadata(version), 0o644),
        (f"{information}/WHEEL", (f"Wheel-Version: 1.0\nGenerator: ingot ({version})\n"
                                  f"Root-Is-Purelib: false\nTag: {tag}\n").encode(), 0o644),
    ]
    record = "".join(f"{name},sha256={digest(data)},{len(data)}\n" for name, data, _ in files)
    files.append((f"{information}/RECORD", (record + f"{information}/RECORD,,\n").encode(), 0o644))

    moment = time.gmtime(max(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), 315532800))[:6]
    with zipfile.ZipFile(Path(folder) / f"ingot-{version}-{tag}.whl", "w") as wheel:
        for name, data, mode in files:
            entry = zipfile.ZipInfo(name, moment)
            entry.external_attr = (0o100000 | mode) << 16
            entry.create_system = 3
            wheel.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)


def metadata(version):
    """The package's METADATA: its head, then the README."""
    head = [
        "Metadata-Version: 2.4", "Name: ingot", f"Version: {version}",
        "Summary: Convert, quantize, evaluate and serve language models",
        "License-File: LICENSE", "Requires-Python: >=3.8",
        "Description-Content-Type: text/markdown",
    ]
    return ("\n".join(head) + "\n\n" + (ROOT / "README.md").read_text()).encode()


def digest(data):
    """A digest as RECORD wants it."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


main()
