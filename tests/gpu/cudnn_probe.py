"""Asks cuDNN 9's graph API, without .NET, which of the engine's convolution graphs have an engine on this GPU, how long a plan takes to build, and how fast it is.

usage: cudnn_probe.py NVIDIA SECONDS [BATCH...]      (a Python with torch; NVIDIA is the folder "nvidia" of its site-packages; batches: 160 and 10)

One JSON object a line, then a table. A case lists what cuDNN's heuristic offers (mode 3 is A, 2 the fallback) and for each engine that was built [index, compiled at run
time, seconds to build, milliseconds to run, MiB of workspace, numerical notes]. Types: bf16 = bfloat16 in and out, mixed = bfloat16 in and float out, tf32 = float.
"""
import ctypes as C
import glob
import json
import os
import sys
import time

import torch

began, nvidia, budget = time.time(), sys.argv[1], float(sys.argv[2])
batches = [int(word) for word in sys.argv[3:]] or [160, 10]
FLOAT, BFLOAT16 = 0, 9
POINTER, LONG = C.c_void_p, C.c_int64
# The C type of a value by cudnnBackendAttributeType_t.
TYPES = {0: POINTER, 1: C.c_int, 2: C.c_uint8, 3: LONG, 4: C.c_float, 5: C.c_double, 6: POINTER, 7: C.c_int, 8: C.c_int, 11: C.c_int, 14: C.c_int, 15: POINTER, 19: C.c_int}
STEPS = {"add": (0, 5), "bias": (0, 4), "relu": (100, 0), "gate": (200, 6)}     # pointwise mode, tensor


def load(pattern):
    for path in sorted(glob.glob(os.path.join(nvidia, pattern)), key=len)[:1]:
        return C.CDLL(path, mode=C.RTLD_GLOBAL)


for name in ("*/lib/libnvrtc-builtins.so.1*", "*/lib/libnvrtc.so.1*", "*/lib/libcublasLt.so.1*", "*/lib/libcublas.so.1*"):
    load(name)
cudnn = load("cudnn/lib/libcudnn.so.9")
cudnn.cudnnGetVersion.restype = C.c_size_t
print(json.dumps({"cudnn": cudnn.cudnnGetVersion(), "gpu": torch.cuda.get_device_name()}), flush=True)


class Refused(Exception):
    pass


def check(status, what):
    if status:
        text = C.create_string_buffer(1024)
        cudnn.cudnnGetLastErrorString(text, C.c_size_t(1024))
        raise Refused(f"{what}: {status} {text.value.decode(errors='replace')[:160]}")


def new(kind, made):
    descriptor = POINTER()
    check(cudnn.cudnnBackendCreateDescriptor(C.c_int(kind), C.byref(descriptor)), f"create {kind}")
    made.append(descriptor)
    return descriptor


def put(descriptor, name, kind, *values):
    array = (TYPES[kind] * len(values))(*[getattr(value, "value", value) for value in values])
    check(cudnn.cudnnBackendSetAttribute(descriptor, C.c_int(name), C.c_int(kind), LONG(len(values)), array), f"set {name}")


def get(descriptor, name, kind, most=1, into=None):
    count, array = LONG(0), into or (TYPES[kind] * most)()
    check(cudnn.cudnnBackendGetAttribute(descriptor, C.c_int(name), C.c_int(kind), LONG(most), C.byref(count), array if most else None), f"get {name}")
    return list(array[:min(count.value, most)]) if most else count.value


def end(descriptor, what):
    check(cudnn.cudnnBackendFinalize(descriptor), what)
    return descriptor


handle = POINTER()
check(cudnn.cudnnCreate(C.byref(handle)), "cudnnCreate")
check(cudnn.cudnnSetStream(handle, POINTER(torch.cuda.current_stream().cuda_stream)), "cudnnSetStream")


def tensor(made, number, dims, kind, virtual=False):
    n, c, h, w = dims
    described = new(17, made)
    put(described, 901, 1, kind)
    put(described, 902, 3, *dims)
    put(described, 903, 3, h * w * c, 1, w * c, c)
    put(described, 906, 3, number)
    put(described, 900, 3, 16)
    if virtual:
        put(described, 907, 2, 1)
    return end(described, "tensor")


def draw(made, forward, batch, size, c, k, kernel, stride, steps, inner, outer):
    """The graph of a convolution, or of its gradient, with the steps after it; and the tensors that it reads and writes."""
    padding = kernel // 2
    small = (size + 2 * padding - kernel) // stride + 1
    x, w, y = (batch, c, size, size), (k, c, kernel, kernel), (batch, k, small, small)
    whole = y if forward else x
    tensors = {2: (w, inner), (1 if forward else 3): (x if forward else y, inner), 9: (whole, outer)}
    between = iter(range(100, 200))

    def result(last):
        return tensor(made, 9, whole, outer) if last else tensor(made, next(between), whole, FLOAT, True)

    geometry = new(1, made)
    put(geometry, 100, 1, FLOAT)
    put(geometry, 101, 7, 1)
    put(geometry, 106, 3, 2)
    for name, value in ((104, padding), (105, padding), (103, stride), (102, 1)):
        put(geometry, name, 3, value, value)
    end(geometry, "convolution")
    operations, first, now = [new(10 if forward else 12, made)], 700 if forward else 706, result(not steps)
    put(operations[0], first, 4, 1.0)
    put(operations[0], first + 1, 4, 0.0)
    put(operations[0], first + 2, 15, geometry)
    put(operations[0], first + 3, 15, tensor(made, 2, w, inner))
    put(operations[0], first + 4, 15, tensor(made, 1, x, inner) if forward else now)
    put(operations[0], first + 5, 15, now if forward else tensor(made, 3, y, inner))
    end(operations[0], "sum")
    for at, step in enumerate(steps):
        mode, number = STEPS[step]
        pointwise, operation, out = new(0, made), new(13, made), result(at == len(steps) - 1)
        put(pointwise, 0, 14, mode)
        put(pointwise, 1, 1, FLOAT)
        put(operation, 750, 15, end(pointwise, "pointwise"))
        if number:
            tensors[number] = ((1, k, 1, 1), FLOAT) if step == "bias" else (whole, outer)
            other = tensor(made, number, *tensors[number])
        if step == "gate":
            put(operation, 751, 15, other)
            put(operation, 757, 15, now)
            put(operation, 756, 15, out)
        else:
            put(operation, 751, 15, now)
            put(operation, 753, 15, out)
            if number:
                put(operation, 752, 15, other)
        operations.append(end(operation, step))
        now = out
    graph = new(15, made)
    put(graph, 800, 0, handle)
    put(graph, 801, 15, *operations)
    return end(graph, "graph"), tensors


def milliseconds(plan, workspace, tensors, made, in_place):
    kinds = {FLOAT: torch.float32, BFLOAT16: torch.bfloat16}
    memory = {number: (torch.randn(dims, device="cuda") * (0.05 if number == 2 else 1)).to(kinds[kind]) for number, (dims, kind) in tensors.items()}
    if in_place:
        memory[5] = memory[9]
    scratch, pack = torch.empty(max(workspace, 16), dtype=torch.uint8, device="cuda"), new(16, made)
    put(pack, 1000, 3, *memory)
    put(pack, 1001, 6, *[each.data_ptr() for each in memory.values()])
    put(pack, 1003, 6, scratch.data_ptr())
    end(pack, "pack")

    def run(times):
        for _ in range(times):
            check(cudnn.cudnnBackendExecute(handle, plan, pack), "execute")

    run(3)
    start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    run(10)
    stop.record()
    torch.cuda.synchronize()
    return start.elapsed_time(stop) / 10


def build(configuration, tensors, made, in_place):
    engine = (POINTER * 1)(new(2, made).value)
    get(configuration, 300, 15, 1, engine)
    index, notes, compiled = get(POINTER(engine[0]), 1301, 3)[0], get(POINTER(engine[0]), 1303, 11, 32), 0 in get(POINTER(engine[0]), 1305, 19, 32)
    start, plan = time.time(), new(5, made)
    put(plan, 400, 0, handle)
    put(plan, 401, 15, configuration)
    end(plan, "plan")
    seconds, workspace = time.time() - start, get(plan, 402, 3)[0]
    return [index, int(compiled), round(seconds, 3), round(milliseconds(plan, workspace, tensors, made, in_place), 4), workspace >> 20, notes]


def probe(name, forward, batch, size, c, k, kernel, stride, steps, types, inner, outer, tries=3):
    row, made = {"case": name, "types": types, "batch": batch, "steps": "+".join(steps) or "plain", "built": [], "refused": []}, []
    try:
        graph, tensors = draw(made, forward, batch, size, c, k, kernel, stride, steps, inner, outer)
        for mode in (3, 2):
            heuristic = new(4, made)
            put(heuristic, 201, 15, graph)
            put(heuristic, 200, 8, mode)
            try:
                end(heuristic, "heuristic")
                row[f"mode {mode}"] = count = get(heuristic, 202, 15, 0)
            except Refused as refused:
                row["refused"].append(str(refused))
                continue
            configurations = (POINTER * max(count, 1))(*[new(3, made).value for _ in range(max(count, 1))])
            for configuration in get(heuristic, 202, 15, count, configurations) if count else []:
                if len(row["built"]) >= tries or time.time() - began > budget:
                    break
                try:
                    row["built"].append(build(POINTER(configuration), tensors, made, "add" in steps and not forward))
                except Refused as refused:
                    row["refused"].append(str(refused))
            if row["built"]:
                break
    except Refused as refused:
        row["refused"].append(str(refused))
    finally:
        for descriptor in reversed(made):
            cudnn.cudnnBackendDestroyDescriptor(descriptor)
    row["refused"] = row["refused"][:3]
    print(json.dumps(row), flush=True)
    return row


CASES = [  # name, forward, size, C, K, kernel, stride, steps
    ("forward 1x1 14 1024>256", 1, 14, 1024, 256, 1, 1, ["bias", "relu"]), ("forward 3x3 14 256", 1, 14, 256, 256, 3, 1, ["bias", "relu"]),
    ("forward 1x1 14 256>1024 residual", 1, 14, 256, 1024, 1, 1, ["add", "bias", "relu"]), ("data 3x3 14 256", 0, 14, 256, 256, 3, 1, ["gate"]),
    ("data 1x1 14 1024>256 join", 0, 14, 1024, 256, 1, 1, ["add", "gate"]), ("data 3x3/2 28 256", 0, 28, 256, 256, 3, 2, []),
    ("data 1x1/2 14 1024>2048", 0, 14, 1024, 2048, 1, 2, []), ("data 3x3 14 256, drawn forward", 1, 14, 256, 256, 3, 1, ["gate"]),
    ("data 3x3/2 28 256 gate", 0, 28, 256, 256, 3, 2, ["gate"]), ("data 3x3 14 256 plain", 0, 14, 256, 256, 3, 1, []),
    ("forward 3x3/2 28 256", 1, 28, 256, 256, 3, 2, ["bias", "relu"]), ("forward 3x3 7 512", 1, 7, 512, 512, 3, 1, ["bias", "relu"]),
    ("data 3x3 7 512", 0, 7, 512, 512, 3, 1, ["gate"]), ("forward 7x7/2 224 3>64", 1, 224, 3, 64, 7, 2, ["bias", "relu"]),
    ("data 7x7/2 224 3>64", 0, 224, 3, 64, 7, 2, []), ("forward 1x1 28 12>20", 1, 28, 12, 20, 1, 1, ["bias", "relu"]),
]
rows = [probe(name, forward, min(batch, 16) if size == 224 else batch, size, c, k, kernel, stride, steps, types, inner, outer)
        for batch in batches
        for types, inner, outer in (("bf16", BFLOAT16, BFLOAT16), ("tf32", FLOAT, FLOAT), ("mixed", BFLOAT16, FLOAT))
        for name, forward, size, c, k, kernel, stride, steps in CASES if time.time() - began < budget]
for row in rows:
    built = row["built"]
    answer = f"{min(b[3] for b in built):8.4f} ms, build {max(b[2] for b in built):.2f} s, engines {[b[0] for b in built]}" if built else f"no plan {row['refused'][:1]}"
    print(f"{row['types']:6}{row['batch']:4} {row['case']:34}{row['steps']:15} {answer}")
