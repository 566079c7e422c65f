"""Takes out of published programs what need not travel with the sources. usage: thin.py BIN ROOT
Assemblies that nothing names, from the three programs on, are removed. Files of weights/demo, which lie in Iba.Weights.dll as they lie in the sources, become zeros;
BIN/holes.tsv says where (offset, file), and run.sh fills them again."""
import os
import sys

PROGRAMS = ["Tests", "iba", "Benchmarks", "System.Private.CoreLib"]
# They forward to every other assembly: what is loaded through them is named by somebody else too.
FACADES = {"netstandard", "mscorlib", "System", "System.Core", "System.Xml", "System.Data", "System.Net"}

binaries, root = sys.argv[1:]
assemblies = {name[:-4]: open(os.path.join(binaries, name), "rb").read() for name in os.listdir(binaries) if name.endswith(".dll")}
kept, left = set(), list(PROGRAMS)
while left:
    name = left.pop()
    if name in kept:
        continue
    kept.add(name)
    if name not in FACADES:
        # An assembly's references stand in its heap of strings, between zeros.
        left += [other for other in assemblies if b"\0" + other.encode() + b"\0" in assemblies[name]]
for name in set(assemblies) - kept:
    os.remove(os.path.join(binaries, name + ".dll"))

weights, holes = bytearray(assemblies["Iba.Weights"]), []
demo = os.path.join(root, "weights", "demo")
for file in sorted(os.listdir(demo)):
    content = open(os.path.join(demo, file), "rb").read()
    at = weights.find(content) if len(content) > 4096 else -1
    if at >= 0:
        weights[at:at + len(content)] = bytes(len(content))
        holes.append(f"{at}\tweights/demo/{file}\n")
open(os.path.join(binaries, "Iba.Weights.dll"), "wb").write(weights)
open(os.path.join(binaries, "holes.tsv"), "w").writelines(holes)
