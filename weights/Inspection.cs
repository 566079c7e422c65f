using Engine.Backends.Cpu;
using Engine.Files;

namespace Weights;

/// <summary>What a weights file holds, for people. The tensors themselves are <see cref="StateDict.Entries"/>.</summary>
/// <param name="Path">The file.</param>
/// <param name="Format">How it is packed.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">Its SHA-256.</param>
/// <param name="Published">The published file it is, or null.</param>
/// <param name="Parameters">Floating point numbers in it that are trained, over all tensors.</param>
/// <param name="Buffers">Numbers that are measured: running means and variances of batch norms, and how many batches they have seen.</param>
public sealed record Inspection(
    string Path, WeightsFormat Format, long Bytes, string Sha256, PublishedWeights? Published, long Parameters, long Buffers)
{
    /// <summary>Looks at a file without reading its tensors.</summary>
    /// <exception cref="FileFormatException">The file cannot be read.</exception>
    public static Inspection Of(StateDict weights, CancellationToken cancel = default)
    {
        string sha256 = weights.Sha256(cancel);
        return new Inspection(weights.Path, weights.Format, weights.Bytes, sha256, Catalogue.WithSha256(sha256),
            weights.Entries.Where(entry => entry.Type.IsFloating && !entry.IsBuffer).Sum(entry => entry.Count),
            weights.Entries.Where(entry => entry.IsBuffer).Sum(entry => entry.Count));
    }

    /// <summary>
    /// Reads every tensor and says what is wrong with the file: numbers that are not finite, in the file or once batch norms are folded,
    /// tensors that do not fit the network, a file named after a published one that is another. Nothing is wrong where the list is empty.
    /// </summary>
    public static IReadOnlyList<string> Problems(StateDict weights, CancellationToken cancel = default)
    {
        var problems = new List<string>();
        if (Catalogue.Find(System.IO.Path.GetFileName(weights.Path)) is { } published && weights.Sha256(cancel) != published.Sha256)
            problems.Add($"it is named {published.FileName}, but its SHA-256 is not that of the published file");
        using var backend = new CpuBackend();
        Try(() => NetworkBuilder.Check(weights, backend));
        foreach (StateDictEntry entry in weights.Entries)
        {
            cancel.ThrowIfCancellationRequested();
            if (NotFinite(entry, cancel) is > 0 and var count)
                problems.Add($"{count} numbers of {entry} are not finite");
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
