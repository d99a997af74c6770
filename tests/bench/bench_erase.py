"""bench_erase.py PROGRAM: bytes overwritten per second against dd on the same file, interleaved
pairs, medians.  JSON lines on stdout, talk on stderr.  Both sides write zeros over the same
allocated blocks and sync; the erasure's reading back is a line of its own."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SIZE = int(os.environ.get("ERASE_MIB", "512")) << 20
PAIRS = int(os.environ.get("ERASE_PAIRS", "9"))
FLOOR = 0.9


def fill(path):
    """Random bytes, on the disk: nothing that a disk could tell apart from data."""
    block = os.urandom(4 << 20)
    with open(path, "wb") as f:
        for _ in range(SIZE // len(block)):
            f.write(block)
        f.flush()
        os.fsync(f.fileno())


def cold(path):
    """The same start for both: nothing of the file in memory, nothing waiting for the disk."""
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def run_dd(path):
    cold(path)
    start = time.monotonic()
    subprocess.run(["dd", "if=/dev/zero", f"of={path}", "bs=4M", f"count={SIZE >> 22}",
                    "conv=notrunc,fsync", "status=none"], check=True)
    return SIZE / (time.monotonic() - start)


def run_erase(program, path):
    """Rates by the wall clock around the whole process, as for dd, less the reading back."""
    cold(path)
    start = time.monotonic()
    out = subprocess.run([program, path], check=True, capture_output=True, text=True).stdout
    whole = time.monotonic() - start
    _, read_ns, done = (int(word) for word in out.split())
    assert done >= SIZE, f"only {done} of {SIZE} bytes overwritten"
    return done / (whole - read_ns / 1e9), done / whole


def line(name, value, unit, **more):
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, **more}), flush=True)


def main():
    pool = tempfile.mkdtemp(prefix="bianyun-bench-erase-", dir=os.environ.get("POOL"))
    path = os.path.join(pool, "volume")
    ratios, wholes, rates, floors = [], [], [], []
    try:
        fill(path)
        run_dd(path)  # first runs are not counted
        run_erase(sys.argv[1], path)
        for i in range(PAIRS):
            pair = {}
            for side in ("dd", "erase") if i % 2 == 0 else ("erase", "dd"):
                pair[side] = run_dd(path) if side == "dd" else run_erase(sys.argv[1], path)
            rate, whole = pair["erase"]
            ratios.append(rate / pair["dd"])
            wholes.append(whole / pair["dd"])
            rates.append(rate)
            floors.append(pair["dd"])
            print(f"erase pair {i + 1}/{PAIRS}: dd {pair['dd'] / 1e6:.0f} MB/s, overwrite "
                  f"{rate / 1e6:.0f} MB/s", file=sys.stderr)
    finally:
        shutil.rmtree(pool)
    ratio = statistics.median(ratios)
    line("erase.ratio", ratio, "ratio", floor=FLOOR, ratio=round(ratio / FLOOR, 3),
         pairs=PAIRS, min=round(min(ratios), 3), max=round(max(ratios), 3))
    line("erase.bytes_per_s", statistics.median(rates), "bytes/s",
         floor=round(statistics.median(floors)), ratio=round(ratio, 3))
    line("erase.with_read_back_ratio", statistics.median(wholes), "ratio")


main()
