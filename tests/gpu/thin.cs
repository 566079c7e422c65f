#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
// Takes out of published programs what need not travel with the sources: dotnet run tests/gpu/thin.cs -- BIN ROOT
// Assemblies that none of the three programs references, directly or through others, are removed. Networks and kernels, which lie in assemblies as they lie in
// the sources, become zeros there; BIN/holes.tsv says where (assembly, offset, file), and run.sh fills them again.
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

string[] programs = ["Tests", "iba", "Benchmarks", "System.Private.CoreLib"];
// They forward to every other assembly: what is loaded through them is referenced by somebody else, too.
string[] facades = ["netstandard", "mscorlib", "System", "System.Core", "System.Xml", "System.Data", "System.Net"];
// Only tests/fuzz.sh instruments assemblies.
string[] unused = ["SharpFuzz", "dnlib"];
(string Assembly, string Folder)[] embedded = [("Iba.Weights.dll", "weights/demo"), ("Iba.Engine.dll", "cuda"), ("Iba.Engine.dll", "cuda/ptx")];
(string bin, string root) = (args[0], args[1]);

var kept = new HashSet<string>();
var left = new Stack<string>(programs);
while (left.TryPop(out string? name))
{
    string file = Path.Combine(bin, $"{name}.dll");
    if (unused.Contains(name) || !File.Exists(file) || !kept.Add(name) || facades.Contains(name))
        continue;
    using var assembly = new PEReader(File.OpenRead(file));
    MetadataReader reader = assembly.GetMetadataReader();
    foreach (AssemblyReferenceHandle reference in reader.AssemblyReferences)
        left.Push(reader.GetString(reader.GetAssemblyReference(reference).Name));
}
foreach (string file in Directory.GetFiles(bin, "*.dll").Where(file => !kept.Contains(Path.GetFileNameWithoutExtension(file))))
    File.Delete(file);

using var holes = new StreamWriter(Path.Combine(bin, "holes.tsv"));
foreach ((string assembly, string folder) in embedded)
{
    string path = Path.Combine(bin, assembly);
    byte[] bytes = File.ReadAllBytes(path);
    foreach (string file in Directory.GetFiles(Path.Combine(root, folder)).Order(StringComparer.Ordinal))
    {
        byte[] content = File.ReadAllBytes(file);
        int at = content.Length > 4096 ? bytes.AsSpan().IndexOf(content) : -1;
        if (at < 0)
            continue;
        bytes.AsSpan(at, content.Length).Clear();
        holes.Write($"{assembly}\t{at}\t{folder}/{Path.GetFileName(file)}\n");
    }
    File.WriteAllBytes(path, bytes);
}
