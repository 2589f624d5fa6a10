"""490 passes on A4 sheets, fronts and backs, against the time that qrcode alone needs for their codes.

Ours and the floor take turns, each in a process of its own from its first import on; figures are medians. The peak of
memory is that of our process.

Run: python -m bench.sheet
"""

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from passes.printed import PrintedPass

PASSES = 490
ROUNDS = 3
TOKEN_CHARS = 300
HAN_IN_USE = 3500
NOTES = ("限本人使用，不得转借。", "进出请出示本证并配合测量体温。", "本证每日限出入一次，有效期满自动作废。")


def main() -> None:
    """Measure both and print the ratio, or, as a child, do one of them and report."""
    if len(sys.argv) > 1:
        _report({"sheets": _sheets, "qrcode": _codes_alone}[sys.argv[1]])
        return
    ours, floors = [], []
    for _ in range(ROUNDS):
        floors.append(_child("qrcode"))
        ours.append(_child("sheets"))
    ours_s, floor_s = (statistics.median(float(one["seconds"]) for one in runs) for runs in (ours, floors))
    peak_mb, size_mb = max(one["peak_mb"] for one in ours), ours[0]["result_bytes"] / 1e6
    print(f"sheets of {PASSES} passes  {ours_s:.1f} s   qrcode alone {floor_s:.1f} s   ratio {ours_s / floor_s:.2f}")
    print(f"peak memory {peak_mb:.0f} MB (limit 300)   file {size_mb:.1f} MB")


def _child(what: str) -> dict[str, float]:
    run = subprocess.run([sys.executable, "-m", "bench.sheet", what], capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(run.stdout)
    return told


def _report(work: Callable[[list[PrintedPass]], int]) -> None:
    passes = _passes()
    began_s = time.perf_counter()
    size = work(passes)
    seconds = time.perf_counter() - began_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "result_bytes": size}))


def _sheets(passes: list[PrintedPass]) -> int:
    from passes.sheet import write_sheets

    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as folder:
        path = Path(folder) / "passes.pdf"
        write_sheets(path, passes, 10)
        return path.stat().st_size


def _codes_alone(passes: list[PrintedPass]) -> int:
    import qrcode.constants
    import qrcode.main
    import qrcode.util

    modules = 0
    for one in passes:
        code = qrcode.main.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M)
        code.add_data(qrcode.util.QRData(one.token, mode=qrcode.util.MODE_ALPHA_NUM))
        code.make(fit=True)
        modules += len(code.get_matrix()) ** 2
    return modules // 8


def _passes() -> list[PrintedPass]:
    chance = random.Random(490)
    han = [chr(0x4E00 + 2 * place) for place in range(HAN_IN_USE)]
    return [
        PrintedPass(
            token="GP1" + "".join(chance.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=TOKEN_CHARS - 3)),
            number=f"ABC-{place:03}-XYZ",
            holder="".join(chance.choices(han, k=3)),
            kind_label="临时",
            address=f"{place % 30 + 1}栋{place % 4 + 1}单元{place % 17 + 1}01室",
            valid_from=date(2026, 11, 1),
            valid_until=date(2026, 11, 30),
            community_name="云上里社区",
            colour="yellow",
            notes=NOTES,
            valid_label="有效期",
            seal_label="盖章处",
        )
        for place in range(PASSES)
    ]


if __name__ == "__main__":
    main()
