using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;

namespace Iba.Weights;

/// <summary>A summary of a weights file. The tensors themselves are in <see cref="StateDict.Entries"/>.</summary>
/// <param name="Path">The file.</param>
/// <param name="Format">Its container format.</param>
/// <param name="Bytes">Its size in bytes.</param>
/// <param name="Sha256">Its SHA-256.</param>
/// <param name="Published">The published file that it is, or null.</param>
/// <param name="Parameters">The number of trained floating point elements, over all tensors.</param>
/// <param name="Buffers">The number of measured elements: running means and variances of batch norms, and their batch counts.</param>
public sealed record Inspection(
    string Path, WeightsFormat Format, long Bytes, string Sha256, PublishedWeights? Published, long Parameters, long Buffers)
{
    /// <summary>Inspects a file without reading its tensors.</summary>
    /// <exception cref="FileFormatException">The file cannot be read.</exception>
    public static Inspection Of(StateDict weights, CancellationToken cancel = default)
    {
        string sha256 = weights.Sha256(cancel);
        return new Inspection(weights.Path, weights.Format, weights.Bytes, sha256, Catalogue.WithSha256(sha256),
            weights.Entries.Where(entry => entry.Type.IsFloating && !entry.IsBuffer).Sum(entry => entry.Count),
            weights.Entries.Where(entry => entry.IsBuffer).Sum(entry => entry.Count));
    }

    /// <summary>
    /// Reads every tensor and lists the file's problems: values that are not finite, in the file or after folding batch norms; tensors that
    /// do not fit the network; a file named like a published one with other contents. No problems give an empty list.
    /// </summary>
    public static IReadOnlyList<string> Problems(StateDict weights, CancellationToken cancel = default)
    {
        var problems = new List<string>();
        if (Catalogue.Find(System.IO.Path.GetFileName(weights.Path)) is { } published && !published.Is(weights.Sha256(cancel)))
            problems.Add($"it is named {published.FileName}, but its SHA-256 is not that of the published file");
        using var backend = new CpuBackend();
        Try(() => NetworkBuilder.Check(weights, backend));
        foreach (StateDictEntry entry in weights.Entries)
        {
            cancel.ThrowIfCancellationRequested();
            if (NotFinite(entry, cancel) is > 0 and var count)
                problems.Add(ForeignText.Harmless($"{count} numbers of {entry} are not finite"));
        }
        if (problems.Count == 0)
            Try(() => NetworkBuilder.Build(weights, backend, cancel: cancel));
        return problems;

        void Try(Action build)
        {
            try
            {
                build();
            }
            catch (FileFormatException e)
            {
                problems.Add(e.Message);
            }
        }
    }

    private static int NotFinite(StateDictEntry entry, CancellationToken cancel)
    {
        if (entry.Type.IsFloating)
            return entry.Read(cancel).Count(value => !float.IsFinite(value));
        entry.ReadBytes(cancel);
        return 0;
    }
}
