"""Holds the engine's speed against PyTorch's and OpenBLAS's, in one run on one machine; started by tests/benchmarks/compare.sh.

usage: compare.py BENCHMARKS OUT.json [--threads N] [--rounds N] [--only attributions|layers|products]

BENCHMARKS is the built benchmark program; it and this process take turns, so that whatever else the machine does befalls both. Each figure is
the median of all rounds; each ratio is that of two medians, rivals' seconds over the engine's.
"""
import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time

# More threads than these would wait for one another; torch and numpy read them when they are loaded.
arguments = argparse.ArgumentParser()
arguments.add_argument("benchmarks")
arguments.add_argument("out")
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--rounds", type=int, default=7)
arguments.add_argument("--only", choices=["attributions", "layers", "products"])
options = arguments.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)

import numpy  # noqa: E402
import torch  # noqa: E402

import rivals  # noqa: E402

# OpenBLAS's and OpenMP's threads go on waiting awake for about this long after their work, on the cores that are measured next.
PAUSE = 0.05

# Rows, depth and columns: the 1 x 1 convolutions of ResNet-50's suffix at batch 10, and a square.
PRODUCTS = [(7840, 512, 256), (1960, 256, 1024), (1960, 1024, 256), (1960, 1024, 512), (490, 512, 2048), (490, 2048, 512), (1960, 2304, 256), (1024, 1024, 1024)]

# What is asked of the engine: rivals' seconds over its own, at least; a product's share of the peak, at least; bytes held, at most.
RATIOS = {("resnet50", "suffix"): 1.8, ("resnet50", "reference"): 6.0, ("vgg16", "suffix"): 2.0}
PRODUCT_RATIO, PRODUCT_SHARE = 0.9, 0.7
MEMORY = {"resnet50": 1e9, "vgg16": 2.5e9}


class Engine:
    """The benchmark program, asked for one thing at a time."""

    def __init__(self):
        self._process = subprocess.Popen(
            [options.benchmarks, "serve", str(options.threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self, request=None):
        if request is not None:
            self._process.stdin.write(request + "\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            sys.exit(f"compare: {options.benchmarks} ended at: {request}")
        return answer.strip()

    def ask(self, request):
        time.sleep(PAUSE)
        return float(self.line(request))

    def layers(self):
        line = self.line("layers")
        while line:
            times, *numbers, name = line.split(" ", 8)
            yield int(times), [int(number) for number in numbers], name
            line = self.line()

    def close(self):
        self._process.stdin.close()
        self._process.wait()


class Entry:
    """One thing, done in several ways, turn by turn."""

    def __init__(self, kind, name, ways, flops=None, **more):
        self.kind, self.name, self.ways, self.flops, self.more = kind, name, ways, flops, more
        self.seconds = {way: [] for way in ways}

    def round(self, backwards):
        for way in reversed(self.ways) if backwards else self.ways:
            time.sleep(PAUSE)
            self.seconds[way].append(self.ways[way]())

    def median(self, way):
        return statistics.median(self.seconds[way])

    def facts(self):
        medians = {way: self.median(way) for way in self.ways}
        facts = {"kind": self.kind, "name": self.name, **self.more, "rounds": len(next(iter(self.seconds.values()))),
                 "median_seconds": medians, "best_seconds": {way: min(self.seconds[way]) for way in self.ways},
                 "ratio": {way: medians[way] / medians["engine"] for way in medians if way != "engine"}}
        if self.flops:
            facts["gflops"] = {way: self.flops / medians[way] / 1e9 for way in medians}
        return facts


def machine():
    fields = {}
    for line in open("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    memory = int(open("/proc/meminfo").readline().split()[1]) / 2**20
    flags = fields.get("flags", "").split()
    blas = sorted({os.path.realpath(line.split()[-1]) for line in open("/proc/self/maps") if "libopenblas" in line})
    if not blas:
        sys.exit("compare: numpy runs on no OpenBLAS, and its products would be slow ones. Install libopenblas0-pthread and choose it: "
                 "update-alternatives --config libblas.so.3-x86_64-linux-gnu")
    onednn = next((line.strip(" -") for line in torch.__config__.show().splitlines() if "MKL-DNN" in line or "DNNL" in line or "oneDNN" in line), "")
    return {
        "processor": fields.get("model name", platform.processor()), "family": fields.get("cpu family"), "model": fields.get("model"),
        "cores": os.cpu_count(), "cache": fields.get("cache size"), "memory_gib": round(memory, 1),
        "instructions": [flag for flag in ("fma", "avx2", "avx512f") if flag in flags], "virtual": "hypervisor" in flags,
        "kernel": platform.release(), "dotnet": subprocess.run(["dotnet", "--version"], capture_output=True, text=True).stdout.strip(),
        "torch": torch.__version__, "onednn": onednn, "numpy": numpy.__version__, "openblas": [os.path.basename(path) for path in blas],
    }


def attributions(engine):
    for name in ("resnet50", "vgg16"):
        layout, suffix = rivals.faster(lambda layout: rivals.attribution(name, "suffix", layout))
        ways = {
            "engine": lambda name=name: engine.ask(f"attribution on {name}"),
            "engine, direct": lambda name=name: engine.ask(f"attribution off {name}"),
            "suffix": lambda run=suffix: rivals.timed(run),
        }
        if name == "resnet50":
            reference = rivals.attribution(name, "reference", torch.contiguous_format)
            ways["reference"] = lambda run=reference: rivals.timed(run)
        yield Entry("attribution", name, ways, layout=layout)


def layers(engine):
    for times, (n, side, c, k, kernel, stride, padding), name in engine.layers():
        if times == 0:
            continue
        out = (side + 2 * padding - kernel) // stride + 1
        for direction in ("forward", "data"):
            request = f"{n} {side} {c} {k} {kernel} {stride} {padding}"
            layout, run = rivals.faster(lambda layout: rivals.convolution(direction, n, side, c, k, kernel, stride, padding, layout))
            ways = {"engine": lambda request=request, direction=direction: engine.ask(f"{direction} on {request}"), "torch": rivals.warm(run)}
            if (kernel, stride) == (3, 1):
                ways["engine, direct"] = lambda request=request, direction=direction: engine.ask(f"{direction} off {request}")
            yield Entry("layer", f"{name} {direction}", ways, 2.0 * n * out * out * kernel * kernel * c * k, layout=layout)


def products(engine):
    for m, k, n in PRODUCTS:
        ways = {"engine": lambda m=m, k=k, n=n: engine.ask(f"product {m} {k} {n}"), "openblas": rivals.warm(rivals.product(m, k, n))}
        yield Entry("product", f"{m} x {k} x {n}", ways, 2.0 * m * k * n)


def memory():
    """Bytes at most of a process that does nothing but attributions."""
    peaks = {}
    for name in ("resnet50", "vgg16"):
        engine = Engine()
        engine.ask(f"attribution on {name}")
        peaks[name] = int(engine.ask("memory"))
        engine.close()
    return peaks


def main():
    torch.set_num_threads(options.threads)
    facts = {"date": datetime.date.today().isoformat(), "threads": options.threads, "machine": machine(), "load_before": os.getloadavg()}
    begin = time.time()
    engine = Engine()
    kinds = {"products": products, "layers": layers, "attributions": attributions}
    peaks, results = [], []
    for kind, make in kinds.items():
        if options.only not in (None, kind):
            continue
        print(f"{kind}: warming up", file=sys.stderr)
        entries = list(make(engine))
        for entry in entries:
            entry.round(False)
            for way in entry.seconds.values():
                way.clear()
        for number in range(options.rounds):
            peaks.append(engine.ask("peak"))
            for entry in entries:
                entry.round(number % 2 == 1)
            print(f"{kind}: round {number + 1} of {options.rounds}, {(time.time() - begin) / 60:.1f} minutes", file=sys.stderr)
        results += [entry.facts() for entry in entries]
    engine.close()
    peak = max(peaks)
    facts |= {"peak_gflops": peak, "peak_gflops_median": statistics.median(peaks), "peak_memory_bytes": memory(),
              "load_after": os.getloadavg(), "minutes": round((time.time() - begin) / 60, 1), "results": results}
    facts["wanted"] = list(wanted(facts))
    report(facts)
    with open(options.out, "w") as file:
        json.dump(facts, file, indent=1)
        file.write("\n")


def report(facts):
    machine = facts["machine"]
    print(f"{machine['processor']}, {machine['cores']} cores, {facts['threads']} threads; peak {facts['peak_gflops']:.0f} GFLOP/s; "
          f"load {facts['load_before'][0]:.1f} to {facts['load_after'][0]:.1f}; {facts['minutes']} minutes")
    for result in facts["results"]:
        speeds, parts = result.get("gflops", {}), []
        for way, seconds in result["median_seconds"].items():
            part = f"{way} {seconds:.2f} s" if seconds > 0.5 else f"{way} {seconds * 1e3:.2f} ms"
            if way in speeds:
                part += f" {speeds[way]:.0f} GFLOP/s"
                if way.startswith("engine"):
                    part += f" ({speeds[way] / facts['peak_gflops']:.0%} of peak)"
            parts.append(part if way == "engine" else f"{part} x{result['ratio'][way]:.2f}")
        print(f"{result['name']:<34}{'; '.join(parts)}")
    for name, peak in facts["peak_memory_bytes"].items():
        print(f"{name}: at most {peak / 2**20:.0f} MiB")
    for what, value, wanted in facts["wanted"]:
        print(f"{'met   ' if value >= wanted else 'MISSED'} {what}: {value:.2f}, wanted {wanted:.2f}")


def wanted(facts):
    """What was asked for, what came out, and how much it should be at least."""
    for result in facts["results"]:
        for (name, way), ratio in RATIOS.items():
            if (result["kind"], result["name"]) == ("attribution", name):
                yield f"{name}, times as fast as the {way} way", result["ratio"][way], ratio
        if result["kind"] == "product":
            yield f"product {result['name']}, times as fast as OpenBLAS", result["ratio"]["openblas"], PRODUCT_RATIO
            yield f"product {result['name']}, share of the peak", result["gflops"]["engine"] / facts["peak_gflops"], PRODUCT_SHARE
    for name, peak in facts["peak_memory_bytes"].items():
        yield f"{name}, memory allowed over memory held", MEMORY[name] / peak, 1.0


if __name__ == "__main__":
    main()
