#!/usr/bin/env python3
"""Photos a second of iba-serve beside those of `iba attribute`, on the same photos, in turns, both warm.

usage: throughput.py [--photos 64] [--rounds 3] [--batch 8] [--iba PROGRAM] [--serve PROGRAM]

Each turn of the command explains as many other photos first and is timed from their last line to its own: by then its code is compiled. The service is
started once and explains the others before the first turn. Both draw each photo's picture and use all cores. Prints medians: wall time, processor time of
the program alone, and the service's throughput in percent of the command's. Wants a quiet machine; processor times hardly depend on it.
"""
import argparse
import concurrent.futures
import http.client
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def processor(pid):
    """Seconds of processor time that a process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def command(program, others, photos, batch, folder):
    line = [program, "attribute", *others, *photos, "--model", "demo-resnet50", "--device", "cpu", "--batch", str(batch), "--no-report", "--json",
            "--out", folder]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        for number, _ in enumerate(process.stdout, 1):
            if number == len(others):
                begin = time.monotonic(), processor(process.pid)
            if number == len(others) + len(photos):
                end = time.monotonic(), processor(process.pid)
    assert process.returncode == 0, f"{program} ends with {process.returncode}"
    return end[0] - begin[0], end[1] - begin[1]


class Service:
    def __init__(self, program, batch):
        line = [program, "--device", "cpu", "--listen", "127.0.0.1:0", "--batch", str(batch), "--seconds", "3600"]
        self.clients = 2 * batch
        self.process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                break
        self.port = int(found.group(1))
        # A log that nobody reads would fill its pipe.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def explain(self, photos):
        def some(own):
            connection = http.client.HTTPConnection("127.0.0.1", self.port)
            for photo in own:
                connection.request("POST", "/explain?picture=true", pathlib.Path(photo).read_bytes(), {"Content-Type": "image/png"})
                answer = connection.getresponse()
                assert answer.status == 200, answer.read()
                answer.read()
            connection.close()

        begin = time.monotonic(), processor(self.process.pid)
        with concurrent.futures.ThreadPoolExecutor(self.clients) as pool:
            list(pool.map(some, [photos[i::self.clients] for i in range(self.clients)]))
        return time.monotonic() - begin[0], processor(self.process.pid) - begin[1]


def main():
    built = "bin/Release/net10.0"
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--photos", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--iba", default=ROOT / "iba/cli" / built / "iba")
    parser.add_argument("--serve", default=ROOT / "iba/service" / built / "iba-serve")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shapes = [given.iba, "dataset", "shapes", "--out", folder, "--seed", "6", "--count", str(2 * given.photos)]
        subprocess.run(shapes, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        drawn = sorted(str(path) for path in pathlib.Path(folder).glob("images/**/*.png"))
        others, photos = drawn[::2], drawn[1::2]
        service = Service(given.serve, given.batch)
        try:
            service.explain(others)
            turns = []
            for _ in range(given.rounds):
                turns.append((*command(given.iba, others, photos, given.batch, folder), *service.explain(photos)))
                print("iba {:.2f} s wall, {:.2f} s processor; iba-serve {:.2f} s wall, {:.2f} s processor".format(*turns[-1]), flush=True)
        finally:
            service.process.terminate()
            service.process.wait()
    wall, cpu, served, serving = (statistics.median(column) for column in zip(*turns))
    print(f"{len(photos)} photos in batches of {given.batch}, medians of {given.rounds}: iba {len(photos) / wall:.3f} a second, "
          f"iba-serve {len(photos) / served:.3f} a second: {100 * wall / served:.1f} %; by processor time {100 * cpu / serving:.1f} %")


main()
