using System.Text;
using System.Text.RegularExpressions;
using Iba.Engine.Files;

namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// The files of cuda/, embedded in the assembly: CUDA C, one program per .cu file, with shared headers; and the PTX made from each, for
/// machines without NVRTC.
/// </summary>
internal static partial class KernelSources
{
    private const string Room = "cuda/";

    /// <summary>
    /// The compiler options besides the architecture. --fmad=false keeps the compiler from fusing multiplications and additions, so the
    /// arithmetic is exactly as written, and equal to the CPU's.
    /// </summary>
    public static IReadOnlyList<string> Options { get; } = ["--std=c++17", "--fmad=false"];

    /// <summary>The architecture of the PTX: the oldest with bfloat16. Every later device runs it.</summary>
    public const string PtxArchitecture = "compute_80";

    /// <summary>The .cu files in alphabetical order, without extension.</summary>
    public static IReadOnlyList<string> Files { get; } = Named(".cu");

    /// <summary>The headers by the name under which files include them.</summary>
    public static IReadOnlyDictionary<string, string> Headers { get; } =
        Named(".cuh").ToDictionary(name => name + ".cuh", name => Read(name + ".cuh")!);

    /// <summary>The text of a .cu file.</summary>
    public static string Source(string file) =>
        Read(file + ".cu") ?? throw new ArgumentException($"there is no kernel file {file}.cu; there are {string.Join(", ", Files)}.");

    /// <summary>The PTX made from a file, or null if there is none.</summary>
    public static string? Ptx(string file) => Read($"ptx/{file}.ptx");

    /// <summary>The kernels that a text defines.</summary>
    public static IEnumerable<string> Kernels(string text) => Definition().Matches(text).Select(match => match.Groups[1].Value);

    /// <summary>
    /// SHA-256, in hexadecimal, of the inputs of a file's machine code besides compiler and architecture: text, headers, options.
    /// </summary>
    public static string Digest(string file)
    {
        var text = new StringBuilder().AppendJoin('\n', Options).Append('\n').Append(Source(file));
        foreach (string header in Included(file + ".cu", Source(file)))
            text.Append('\n').Append(header).Append('\n').Append(Headers[header]);
        return Sha256Hash.Hex(Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <summary>The headers that a text includes, directly and indirectly, in alphabetical order.</summary>
    private static SortedSet<string> Included(string name, string text)
    {
        var included = new SortedSet<string>(StringComparer.Ordinal);
        foreach (Match match in Inclusion().Matches(text))
        {
            string header = match.Groups[1].Value;
            if (!Headers.TryGetValue(header, out string? inner))
                throw new InvalidOperationException($"cuda/{name} includes {header}, which is not in cuda/.");
            included.Add(header);
            included.UnionWith(Included(header, inner));
        }
        return included;
    }

    private static string[] Named(string ending) =>
    [
        .. typeof(KernelSources).Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Room, StringComparison.Ordinal) && name.EndsWith(ending, StringComparison.Ordinal))
            .Select(name => name[Room.Length..^ending.Length])
            .Order(StringComparer.Ordinal),
    ];

    private static string? Read(string name) => EmbeddedFile.Text(typeof(KernelSources).Assembly, Room + name);

    [GeneratedRegex("""^extern "C" __global__ void (?:__launch_bounds__\([^)]*\) )?(\w+)\(""", RegexOptions.Multiline)]
    private static partial Regex Definition();

    [GeneratedRegex("""^#include "([^"]+)"$""", RegexOptions.Multiline)]
    private static partial Regex Inclusion();
}
