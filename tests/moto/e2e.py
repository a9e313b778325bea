#!/usr/bin/env python3
"""From a live IAM API to sv0's answers: moto_server, the demo's IAM in it, GAAD files, sv0 over them.

e2e.py --sv0 target/debug/sv0 [--world ../shared/world] [--keep DIR]
"""
from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import fill
import gaad
import serve

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SNAPSHOT = REPOSITORY / "crates/demo/data/acme.jsonl"
SV0_SECONDS = 120


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sv0", help="the binary; without it only the files are made and checked")
    parser.add_argument("--world", metavar="DIR", help="fill moto with DIR/build_world.py instead of the snapshot")
    parser.add_argument("--keep", metavar="DIR", help="write the GAAD files here instead of a temporary directory")
    args = parser.parse_args()
    if args.sv0 and not pathlib.Path(args.sv0).is_file():
        raise SystemExit(f"--sv0 {args.sv0}: no such file")

    with tempfile.TemporaryDirectory(prefix="sv0-e2e-") as temporary:
        directory = pathlib.Path(args.keep or temporary)
        start = time.monotonic()
        with serve.moto() as url:
            step(start, f"moto_server at {url}")
            build_world(args.world, url) if args.world else fill.fill(url, str(SNAPSHOT))
            step(start, "filled")
            gaad.gaad(url, directory)
            step(start, f"GAAD files in {directory}")
        check_gaad(directory)
        step(start, "they hold what the snapshot holds")
        if args.sv0:
            check_sv0(args.sv0, directory)
            step(start, "sv0's answers are right")


def step(start: float, text: str):
    print(f"{time.monotonic() - start:6.1f} s  {text}", file=sys.stderr, flush=True)


def build_world(world: str, url: str):
    script = pathlib.Path(world) / "build_world.py"
    if not script.is_file():
        raise SystemExit(f"--world {world}: no build_world.py there")
    done = subprocess.run([sys.executable, str(script), "--endpoint", url, "--quiet"], text=True, capture_output=True)
    if done.returncode:
        raise SystemExit(f"{script} ended with {done.returncode}; it needs moto[server]:\n{done.stderr[-2000:]}")


def check_gaad(directory: pathlib.Path):
    """Every IAM entity of the snapshot came back with the same policies; nothing else did."""
    want = {record["id"]: expected(record) for record in fill.read(str(SNAPSHOT))}
    got = {}
    for account in gaad.ACCOUNTS:
        answer = json.loads((directory / f"{account}.json").read_text(encoding="utf-8"))
        for entity in sum((answer[key] for key in LISTS), []):
            got[entity["Arn"]] = found(entity)
    for arn in sorted(want.keys() | got.keys()):
        assert arn in got, f"{arn} is in the snapshot but not in the GAAD files"
        assert arn in want, f"{arn} is in the GAAD files but not in the snapshot"
        assert got[arn] == want[arn], f"{arn}\n  snapshot: {want[arn]}\n  GAAD:     {got[arn]}"


LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


def expected(record) -> dict:
    policies = record.get("policies", [])
    return {
        "documents": sorted(json.dumps(p["document"], sort_keys=True) for p in policies),
        "attached": sorted(fill.refs(record, "HAS_POLICY")),
        "groups": sorted(arn.rsplit("/", 1)[1] for arn in fill.refs(record, "MEMBER_OF")),
        "boundary": next(iter(fill.refs(record, "SUBJECT_TO")), None),
    }


def found(entity) -> dict:
    inline = [entity.get(f"{kind}PolicyList", []) for kind in ("User", "Group", "Role")]
    documents = [p["PolicyDocument"] for p in sum(inline, [])]
    documents += [entity["AssumeRolePolicyDocument"]] if "AssumeRolePolicyDocument" in entity else []
    documents += [v["Document"] for v in entity.get("PolicyVersionList", []) if v["IsDefaultVersion"]]
    return {
        "documents": sorted(json.dumps(d, sort_keys=True) for d in documents),
        "attached": sorted(p["PolicyArn"] for p in entity.get("AttachedManagedPolicies", [])),
        "groups": sorted(entity.get("GroupList", [])),
        "boundary": entity.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
    }


# ---- sv0 over the files -------------------------------------------------------------------------------------------

def check_sv0(sv0: str, directory: pathlib.Path):
    """Authorization details hold IAM alone: no buckets, keys or SCPs. What follows from IAM must be found all the same,
    and what is not known must be said."""
    analysis = run(sv0, "analyze", str(directory))
    assert len(analysis["accounts"]) == len(gaad.ACCOUNTS), analysis["accounts"]
    assert analysis["paths"] > 0, "no path at all"
    gaps = " ".join(gap["detail"] for gap in analysis["gaps"])
    assert "service and resource control policies are not known" in gaps, gaps

    def paths(source, target, *more):
        return run(sv0, "paths", "--input", str(directory), "--from", source, "--to", target, *more)

    def ends(found):
        return {path["target"]["id"] for path in found}

    vault = paths("Elliot", "arn:aws:secretsmanager:*:222222222222:secret:*")
    assert any(
        "arn:aws:iam::222222222222:group/AllSafe" in path["chain"] and "secretsmanager:GetSecretValue" in path["actions"]
        for path in vault
    ), "Elliot does not reach the vault"
    everything = ends(paths("SecOpsAdmin", "*"))
    for account in ("222222222222", "333333333333", "444444444444"):
        assert f"arn:aws:*:*:{account}:*" in everything, f"SecOpsAdmin is no administrator of {account}: {everything}"
    deep = paths("ci-bot", "acme-prod-vault")
    assert any(path["role_hops"] == 4 and path["cross_account_hops"] == 2 for path in deep), deep
    lake = paths("DevDeployer", "acme-prod-data-lake")
    assert any("arn:aws:iam::333333333333:role/ProdDataPipeline" in path["chain"] for path in lake), lake
    notebook = paths("DataScienceLeads", "SageMakerAdminExecution")
    assert any(hop["edge"] == "CAN_ESCALATE_TO" for path in notebook for hop in path["hops"]), notebook
    assert not paths("DataScientists", "SageMakerAdminExecution"), "iam:PassRole is limited to notebook-*"
    bounded = paths("BoundedAnalyst", "arn:aws:s3:::*")
    assert not any("s3:GetObject" in path["actions"] for path in bounded), "the boundary does not cut"
    denied = paths("BoundedAnalyst", "acme-prod-invoices", "--blocked")
    assert any(block["layer"] == "boundary" for path in denied for block in path["blocked_by"]), denied
    print("e2e: 9 passed, 0 failed", flush=True)


def run(sv0: str, *arguments: str):
    """The JSON that sv0 prints for a command."""
    command = [sv0, *arguments, "--output", "json"]
    done = subprocess.run(command, text=True, capture_output=True, timeout=SV0_SECONDS)
    said = f"{' '.join(command)} ended with {done.returncode}\n{done.stderr[-2000:]}"
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError as error:
        raise SystemExit(f"{said}\nits output is not JSON ({error}):\n{done.stdout[:500]}") from None


if __name__ == "__main__":
    main()
