"""Holds the engine's speed against PyTorch's and OpenBLAS's, in one run on one machine; started by tests/benchmarks/compare.sh.

usage: compare.py BENCHMARKS RESULTS [--threads N] [--rounds N] [--width 256|512] [--only products|layers|attributions|passes|methods ...]

BENCHMARKS is the built benchmark program; it and this process take turns, so that whatever else the machine does befalls both. Each figure is
the median of all rounds; each ratio is that of two medians, rivals' seconds over the engine's. RESULTS is a folder: the figures are kept there,
one file per day, processor and width of the registers.

One thread is timed by the processor time of its process, which a busy machine hardly changes; several are timed by the clock.
"""
import argparse
import ctypes
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time

arguments = argparse.ArgumentParser()
arguments.add_argument("benchmarks")
arguments.add_argument("results")
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--rounds", type=int, default=7)
arguments.add_argument("--width", type=int, choices=[256, 512])
arguments.add_argument("--only", nargs="+", choices=["products", "layers", "attributions", "passes", "methods"])
options = arguments.parse_args()

# More threads than these would wait for one another. torch, oneDNN, OpenBLAS and .NET read these variables when they are loaded.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
if options.width == 256:
    os.environ |= {"DOTNET_EnableAVX512": "0", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
                   "OPENBLAS_CORETYPE": "Haswell"}

import numpy  # noqa: E402
import torch  # noqa: E402

import rivals  # noqa: E402

# OpenBLAS's and OpenMP's threads go on waiting awake for about this long after their work, on the cores that are measured next.
PAUSE = 0.05

# Rows, depth and columns: the 1 x 1 convolutions of ResNet-50's suffix at batch 10, and a square.
PRODUCTS = [(7840, 512, 256), (1960, 256, 1024), (1960, 1024, 256), (1960, 1024, 512), (490, 512, 2048), (490, 2048, 512), (1960, 2304, 256), (1024, 1024, 1024)]

# OpenBLAS's kernels with 512-bit registers.
WIDE_CORES = ("SkylakeX", "Cooperlake", "Sapphirerapids")

METHODS = {"integrated-gradients": rivals.integrated_gradients, "smoothgrad": rivals.smoothgrad, "occlusion-14": rivals.occlusion}

# What is asked of the engine by width: rivals' seconds over its own, at least; bytes held, at most.
PRODUCT_RATIO, PRODUCT_SHARE = 0.95, 0.7
LAYER_RATIO, LAYER_MEAN = 1.0, 1.1
ATTRIBUTIONS = {256: {"resnet50": 1.5, "vgg16": 3.0}, 512: {"resnet50": 2.2, "vgg16": 3.5}}
SINGLE_GRADIENT = {256: 1.0, 512: 1.3}
WHOLE = {256: 1.5, 512: 1.8}
OCCLUSION = 3.0
MEMORY = {("attribution on", "resnet50"): 0.7, ("attribution on", "vgg16"): 1.4, ("method", "resnet50"): 1.3, ("method", "vgg16"): 2.9}


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


def openblas():
    """The names of numpy's OpenBLAS libraries, and the processor that the first one's kernels are written for."""
    paths = sorted({line.split()[-1] for line in open("/proc/self/maps") if "openblas" in line})
    if not paths:
        sys.exit("compare: numpy runs on no OpenBLAS, and its products would be slow ones. Install libopenblas0-pthread and choose it: "
                 "update-alternatives --config libblas.so.3-x86_64-linux-gnu; or take numpy from pip.")
    library, core = ctypes.CDLL(paths[0]), "unknown"
    for name in ("openblas_get_corename", "openblas_get_corename64_", "scipy_openblas_get_corename", "scipy_openblas_get_corename64_"):
        if hasattr(library, name):
            function = getattr(library, name)
            function.restype = ctypes.c_char_p
            core = function().decode()
    return [os.path.basename(os.path.realpath(path)) for path in paths], core


def onednn():
    """Bits of oneDNN's registers. It is asked itself where torch's libraries let it be; otherwise a process of its own reports what it chose."""
    avx2, avx512 = 0x4, 0x20
    for path in sorted({line.split()[-1] for line in open("/proc/self/maps") if "libdnnl" in line or "libtorch_cpu" in line}):
        library = ctypes.CDLL(path)
        if hasattr(library, "dnnl_get_effective_cpu_isa"):
            isa = library.dnnl_get_effective_cpu_isa()
            return 512 if isa & avx512 else 256 if isa & avx2 else 128
    code = "import torch; torch.nn.functional.conv2d(torch.ones(1, 16, 8, 8), torch.ones(16, 16, 3, 3))"
    told = subprocess.run([sys.executable, "-c", code], env={**os.environ, "ONEDNN_VERBOSE": "1"}, capture_output=True, text=True).stdout
    found = re.search(r"cpu,isa:([^,\n]*)", told)
    if not found:
        sys.exit("compare: oneDNN does not tell which instructions it uses.")
    return 512 if "512" in found[1] else 256 if "AVX2" in found[1] else 128


def widths(engine):
    """Bits of the registers that each side really uses. Ends the comparison if one of them does not use what was asked for."""
    _, core = openblas()
    real = {"engine": int(engine.ask("bits")), "oneDNN": onednn(), "OpenBLAS": 512 if core in WIDE_CORES else 256}
    print(f"registers: {', '.join(f'{name} {bits} bits' for name, bits in real.items())}")
    wrong = [name for name, bits in real.items() if options.width not in (None, bits)]
    if wrong:
        sys.exit(f"compare: --width {options.width}: not so for {', '.join(wrong)}. This processor or these libraries have no such code.")
    return real


def machine():
    fields = {}
    for line in open("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    memory = int(open("/proc/meminfo").readline().split()[1]) / 2**20
    flags = fields.get("flags", "").split()
    blas, core = openblas()
    onednn = next((line.strip(" -") for line in torch.__config__.show().splitlines() if "MKL-DNN" in line or "DNNL" in line or "oneDNN" in line), "")
    return {
        "processor": fields.get("model name", platform.processor()), "family": fields.get("cpu family"), "model": fields.get("model"),
        "cores": os.cpu_count(), "cache": fields.get("cache size"), "memory_gib": round(memory, 1),
        "instructions": [flag for flag in ("fma", "avx2", "avx512f") if flag in flags], "virtual": "hypervisor" in flags,
        "kernel": platform.release(), "torch": torch.__version__, "onednn": onednn, "numpy": numpy.__version__, "openblas": blas, "openblas_core": core,
    }


def attributions(engine):
    for name in ("resnet50", "vgg16"):
        word, suffix = rivals.fastest(lambda layout, compiled: rivals.attribution(name, "suffix", layout, compiled))
        ways = {
            "engine": lambda name=name: engine.ask(f"attribution on {name}"),
            "engine, direct": lambda name=name: engine.ask(f"attribution off {name}"),
            "suffix": lambda run=suffix: rivals.timed(run),
        }
        if name == "resnet50":
            reference = rivals.attribution(name, "reference", torch.contiguous_format)
            ways["reference"] = lambda run=reference: rivals.timed(run)
        yield Entry("attribution", name, ways, rival=word)


def passes(engine):
    for name in ("resnet50", "vgg16"):
        for direction in ("forward", "gradient"):
            for batch in (1, 10):
                word, run = rivals.fastest(lambda layout, compiled: rivals.network_pass(name, direction, batch, layout, compiled))
                request = f"pass {direction} {batch} {name}"
                yield Entry("pass", f"{name} {direction} of {batch}", {
                    "engine": lambda request=request: engine.ask(request), "torch": lambda run=run: rivals.timed(run)}, rival=word)


def methods(engine):
    for name in ("resnet50", "vgg16"):
        for method, make in METHODS.items():
            word, run = rivals.fastest(lambda layout, compiled: make(name, layout, compiled), trials=1)
            request = f"method {method} {name}"
            yield Entry("method", f"{name} {method}", {
                "engine": lambda request=request: engine.ask(request), "torch": lambda run=run: rivals.timed(run)}, rival=word)


def layers(engine):
    for times, (n, side, c, k, kernel, stride, padding), name in engine.layers():
        if times == 0:
            continue
        out = (side + 2 * padding - kernel) // stride + 1
        for direction in ("forward", "data"):
            request = f"{n} {side} {c} {k} {kernel} {stride} {padding}"
            word, run = rivals.fastest(lambda layout, _: rivals.convolution(direction, n, side, c, k, kernel, stride, padding, layout), compiles=False)
            ways = {"engine": lambda request=request, direction=direction: engine.ask(f"{direction} on {request}"), "torch": rivals.warm(run)}
            if (kernel, stride) == (3, 1):
                ways["engine, direct"] = lambda request=request, direction=direction: engine.ask(f"{direction} off {request}")
            yield Entry("layer", f"{name} {direction}", ways, 2.0 * n * out * out * kernel * kernel * c * k, rival=word)


def products(engine):
    for m, k, n in PRODUCTS:
        ways = {"engine": lambda m=m, k=k, n=n: engine.ask(f"product {m} {k} {n}"), "openblas": rivals.warm(rivals.product(m, k, n))}
        yield Entry("product", f"{m} x {k} x {n}", ways, 2.0 * m * k * n)


def memory():
    """Gigabytes at most of processes of which each does nothing but an attribution, or one of the other methods."""
    peaks = {}
    for kind, name in MEMORY:
        for request in [f"attribution on {name}"] if kind == "attribution on" else [f"method {method} {name}" for method in METHODS]:
            engine, key = Engine(), f"{kind.split()[0]} {name}"
            engine.ask(request)
            peaks[key] = max(peaks.get(key, 0), int(engine.ask("memory")) / 1e9)
            engine.close()
    return peaks


def main():
    torch.set_num_threads(options.threads)
    facts = {"date": datetime.date.today().isoformat(), "threads": options.threads, "machine": machine(), "load_before": os.getloadavg()}
    begin = time.time()
    engine = Engine()
    facts["registers"] = widths(engine)
    engine.ask("peak")
    kinds = {"products": products, "layers": layers, "attributions": attributions, "passes": passes, "methods": methods}
    peaks, results = [], []
    for kind, make in kinds.items():
        if options.only and kind not in options.only:
            continue
        print(f"{kind}: warming up", file=sys.stderr)
        entries = list(make(engine))
        for entry in entries:
            entry.round(False)
            for way in entry.seconds.values():
                way.clear()
        rounds = options.rounds if kind != "methods" else (options.rounds + 1) // 2
        for number in range(rounds):
            peaks += [engine.ask("peak") for _ in range(3)]
            for entry in entries:
                entry.round(number % 2 == 1)
            print(f"{kind}: round {number + 1} of {rounds}, {(time.time() - begin) / 60:.1f} minutes", file=sys.stderr)
        results += [entry.facts() for entry in entries]
    engine.close()
    peak = max(peaks)
    facts |= {"peak_gflops": peak, "peak_gflops_median": statistics.median(peaks),
              "peak_gigabytes": memory() if not options.only or {"attributions", "methods"} & set(options.only) else {},
              "load_after": os.getloadavg(), "minutes": round((time.time() - begin) / 60, 1), "results": results}
    facts["wanted"] = list(wanted(facts))
    report(facts)
    processor = re.sub("[^a-z0-9]+", "-", facts["machine"]["processor"].lower()).strip("-")
    parts = "-" + "-".join(options.only) if options.only else ""
    with open(os.path.join(options.results, f"{facts['date']}-{processor}-{facts['registers']['engine']}{parts}.json"), "w") as file:
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
        rival = f" (torch: {result['rival']})" if "rival" in result else ""
        print(f"{result['name']:<34}{'; '.join(parts)}{rival}")
    for name, peak in facts["peak_gigabytes"].items():
        print(f"{name}: at most {peak:.2f} GB")
    for what, value, wanted in facts["wanted"]:
        print(f"{'met   ' if value >= wanted else 'MISSED'} {what}: {value:.2f}, wanted {wanted:.2f}")


def wanted(facts):
    """What was asked for, what came out, and how much it should be at least."""
    width, layers, shares = facts["registers"]["engine"], [], []
    if width not in WHOLE:
        return
    for result in facts["results"]:
        kind, name, ratios = result["kind"], result["name"], result["ratio"]
        if kind == "product":
            shares.append(result["gflops"]["engine"] / facts["peak_gflops"])
            yield f"product {name}, times as fast as OpenBLAS", ratios["openblas"], PRODUCT_RATIO
        elif kind == "layer" and "engine, direct" not in ratios:
            layers.append(ratios["torch"])
            yield f"layer {name}, times as fast as oneDNN", ratios["torch"], LAYER_RATIO
        elif kind == "attribution":
            yield f"attribution {name}, times as fast as the needed work", ratios["suffix"], ATTRIBUTIONS[width][name]
        elif kind == "pass":
            yield f"pass {name}", ratios["torch"], SINGLE_GRADIENT[width] if name.endswith("gradient of 1") else WHOLE[width]
        elif kind == "method":
            yield f"method {name}", ratios["torch"], OCCLUSION if "occlusion" in name else WHOLE[width]
    if layers:
        yield "1x1 and strided layers, geometric mean", statistics.geometric_mean(layers), LAYER_MEAN
    if shares:
        yield "products, share of the peak, geometric mean", statistics.geometric_mean(shares), PRODUCT_SHARE
    for (kind, name), most in MEMORY.items():
        held = facts["peak_gigabytes"].get(f"{kind.split()[0]} {name}")
        if held:
            yield f"{kind.split()[0]} {name}, memory allowed over memory held", most / held, 1.0


if __name__ == "__main__":
    main()
