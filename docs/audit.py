"""Looks for known weaknesses of the versions in requirements.lock with pip-audit, and says when nobody could be asked.

pip-audit skips what its source does not know and then ends well, as if all were fine; a machine that reaches only a
mirror of packages must not be told so.

Run: make audit
"""

import json
import subprocess
import sys

SOURCES = ("pypi", "osv")
TIMEOUT_S = 600


def main(program: str) -> int:
    """Ask each source until one knows the packages; return 0 fine, 1 weaknesses found, 3 nobody could be asked."""
    command = [
        program,
        "-r",
        "requirements.lock",
        "--require-hashes",
        "--disable-pip",
        "-f",
        "json",
        "--progress-spinner",
    ]
    for source in SOURCES:
        try:
            run = subprocess.run(
                [*command, "off", "-s", source], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
            )
            found = json.loads(run.stdout)["dependencies"]
        except (subprocess.TimeoutExpired, ValueError, KeyError):
            continue
        known = [one for one in found if "skip_reason" not in one]
        if not known:
            continue
        weak = [one for one in known if one["vulns"]]
        for one in weak:
            told = "; ".join(
                f"{vuln['id']}, fixed in {', '.join(vuln['fix_versions']) or '-'}" for vuln in one["vulns"]
            )
            sys.stdout.write(f"{one['name']} {one['version']}: {told}\n")
        sys.stdout.write(f"{source}: {len(known)} looked up, {len(found) - len(known)} unknown, {len(weak)} weak\n")
        return 1 if weak else 0
    sys.stdout.write(
        f"nothing was looked up: none of {', '.join(SOURCES)} can be reached from here, or knows nothing\n"
    )
    return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
