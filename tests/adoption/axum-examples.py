#!/usr/bin/env python3
"""Adopts session-auth on axum's own examples, as docs/adoption.md says it, and prints a table.

    git -C axum archive axum-v0.8.9 examples | tar x -C folder
    tests/adoption/axum-examples.py folder/examples [SCRATCH]

The folder is read and left as it is. Everything happens in SCRATCH (by default a new temporary
folder, which is removed): one workspace of copies, which depend on axum from the registry and on
the session-auth of this repository. In it

1. the copies are built as they are; what does not build is left out, by name,
2. `route-audit init --annotate` is run on each, and once more, which has to change nothing,
3. all are built with their tests, and `route-audit check` audits them.

The exit code is 0 whatever the table says; 1 where the script itself could not go on.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
AXUM = {"axum": "0.8.9", "axum-extra": "0.12"}
# Workspaces of their own, or for a target that has no tests.
NO_MEMBERS = {"async-graphql", "simple-router-wasm"}


def run(*command, cwd, check=False):
    """Runs a command, and returns its exit code and what it printed."""
    done = subprocess.run(command, cwd=cwd, text=True, capture_output=True)
    if check and done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.returncode, done.stdout, done.stderr


def workspace(members):
    names = ", ".join(f'"{name}"' for name in sorted(members))
    return f'[workspace]\nresolver = "2"\nmembers = [{names}]\n'


def copy(examples, scratch):
    """The examples, with axum from the registry: name of the folder to name of the package."""
    members = {}
    for folder in sorted(examples.iterdir()):
        manifest = folder / "Cargo.toml"
        if folder.name in NO_MEMBERS or not manifest.is_file():
            continue
        shutil.copytree(folder, scratch / folder.name, ignore=shutil.ignore_patterns("target"))
        text = manifest.read_text()
        for name, version in AXUM.items():
            text = text.replace(f'path = "../../{name}"', f'version = "{version}"')
        (scratch / folder.name / "Cargo.toml").write_text(text)
        members[folder.name] = re.search(r'^name = "(.*)"', text, re.M)[1]
    return members


def build(scratch, members):
    """Builds with the tests. The packages that do not build."""
    (scratch / "Cargo.toml").write_text(workspace(members))
    code, messages, said = run(
        *("cargo", "test", "--workspace", "--no-run", "--no-fail-fast"),
        *("--message-format", "json"),
        cwd=scratch,
    )
    if code == 0:
        return set()
    failed = set()
    for message in messages.splitlines():
        message = json.loads(message) if message.startswith("{") else {}
        if (message.get("message") or {}).get("level") == "error":
            failed.add(re.split("[/#]", message["package_id"])[-1])
    ours = set()
    for spec in failed:
        name = spec.split("@")[0]
        # A dependency that does not build: whoever has it does not either.
        _, tree, _ = run("cargo", "tree", "--workspace", "--invert", spec, cwd=scratch)
        for folder, package in members.items():
            if name in (folder, package) or f" {package} v" in tree:
                ours.add(folder)
    if not ours:
        sys.exit(f"the examples do not build, and cargo does not say which:\n{said[-4000:]}")
    return ours


def files(folder):
    return {
        path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    examples = Path(sys.argv[1]).resolve()
    if len(sys.argv) == 3:
        scratch = Path(sys.argv[2]).resolve()
        scratch.mkdir(parents=True)
        adopt(examples, scratch)
    else:
        with tempfile.TemporaryDirectory() as folder:
            adopt(examples, Path(folder))


def adopt(examples, scratch):
    run("cargo", "build", "-p", "route-audit", "--bin", "route-audit", cwd=REPOSITORY, check=True)
    _, metadata, _ = run(
        "cargo", "metadata", "--format-version=1", "--no-deps", cwd=REPOSITORY, check=True
    )
    tool = Path(json.loads(metadata)["target_directory"]) / "debug/route-audit"
    members = copy(examples, scratch)

    left_out = {}
    while failed := build(scratch, {k: v for k, v in members.items() if k not in left_out}):
        left_out |= dict.fromkeys(failed, "does not build as it is")
    members = {k: v for k, v in members.items() if k not in left_out}
    judge(scratch, tool, members, left_out)


def judge(scratch, tool, members, left_out):
    rows = {}
    for folder, package in members.items():
        annotate = [tool, "init", "--annotate", "--session-auth", REPOSITORY / "session-auth"]
        annotate += ["-p", package]
        code, said, failed = run(*annotate, cwd=scratch)
        before = files(scratch / folder)
        run(*annotate, cwd=scratch)
        rows[folder] = {
            "annotate": code,
            "left": re.findall(r"^left to do: (.*)\n +--> (.*)$", said, re.M),
            "error": failed if code == 101 else "",
            "again": files(scratch / folder) == before,
        }

    failed = build(scratch, members)
    for folder in members:
        rows[folder]["builds"] = folder not in failed
    # What could not run is told package by package, and the others are then audited without it.
    out = set(failed)
    (scratch / "Cargo.toml").write_text(workspace(members.keys() - failed))
    while True:
        excluded = [f"--exclude={members[folder]}" for folder in sorted(out - failed)]
        command = [tool, "check", "--format", "json", "--workspace", *excluded]
        code, audit, said = run(*command, cwd=scratch)
        if code != 101:
            break
        more = {f for f, package in members.items() if f"`{package}`" in said} - out
        if not more:
            sys.exit(f"route-audit could not run, and does not say for which:\n{said[-4000:]}")
        for folder in more:
            found = re.search(rf"^error: (.*`{members[folder]}`.*)$", said, re.M)
            rows[folder]["audit"] = found[1] if found else "could not run"
        out |= more
    for folder in members.keys() - out:
        rows[folder]["audit"] = sorted(
            f"{one['code']}: {' '.join(one['methods'])} {one['path'] or ''}"
            for one in json.loads(audit)["findings"]
            if (one["file"] or "").split("/")[0] == folder
        )
    show(rows, left_out, json.loads(audit)["summary"])


def show(rows, left_out, summary):
    def count(holds):
        return sum(1 for row in rows.values() if holds(row))

    print(f"examples: {len(rows)}")
    print(f"left out: {', '.join(f'{k} ({v})' for k, v in sorted(left_out.items())) or 'none'}")
    print(f"no member: {', '.join(sorted(NO_MEMBERS))}")
    print(f"annotated, nothing left to do: {count(lambda row: row['annotate'] == 0)}")
    print(f"a second run changes nothing: {count(lambda row: row['again'])}")
    print(f"build afterwards, with their tests: {count(lambda row: row['builds'])}")
    print(f"audit clean: {count(lambda row: row.get('audit') == [])}")
    print(f"routes: {summary['routes']}, of class session: {summary['session']}")
    for folder, row in sorted(rows.items()):
        good = row["annotate"] == 0 and row["builds"] and row["again"] and row["audit"] == []
        if good:
            continue
        print(f"\n{folder}: annotate {row['annotate']}, builds {row['builds']}")
        for what, place in row["left"]:
            print(f"  left: {place}: {what}")
        if row["error"]:
            print(row["error"])
        if not row["again"]:
            print("  a second run changes files")
        if row.get("audit"):
            print(f"  audit: {row['audit']}")


if __name__ == "__main__":
    main()
