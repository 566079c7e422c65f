using System.Text;
using Iba.Engine.Files;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>
/// Finished plans on disk, for one version of cuDNN and one GPU: those that earlier runs chose, and files of plans that were built before, the one that
/// is named and those in the user's cache. They hold code, so a file of the cache counts only if it is the user's own.
/// </summary>
internal sealed class PlanStore
{
    /// <summary>The kind of file in the cache that was built before.</summary>
    public const string Packs = "packs";

    private const string Kind = "plans", Ending = ".plans";

    private readonly CudnnSession _session;
    private readonly CacheFolder _cache;
    private readonly List<PlanPack> _packs = [];
    private readonly List<string> _notes = [];
    private readonly string _limits;

    /// <exception cref="FileFormatException">The named file is damaged, or no file of plans.</exception>
    /// <exception cref="IOException">The named file cannot be read.</exception>
    public PlanStore(CudnnSession session, SearchLimits limits, CacheFolder cache)
    {
        (_session, _cache) = (session, cache);
        _limits = limits.Words;
        if (limits.Pack is { } path)
            Take(PlanPack.Read(path));
        foreach (string file in cache.Files(Packs, $"*{Ending}"))
        {
            if (Read(Packs, file) is { } pack)
                Take(pack);
        }
    }

    /// <summary>Files that were passed over, and why.</summary>
    public IReadOnlyList<string> Notes => [.. _notes, .. _cache.Notes];

    /// <summary>Where a file of plans lies in the user's cache.</summary>
    /// <param name="name">Its name without ending.</param>
    public static string FileName(string name) => $"{name}{Ending}";

    /// <summary>The plan that an earlier run chose for a graph, or null.</summary>
    public KeptPlan? Chosen(string key) => Read(Kind, FileOf(WithCircumstances(key)))?.Of(WithCircumstances(key)).FirstOrDefault();

    /// <summary>Keeps the choice for a graph.</summary>
    public void Keep(string key, KeptPlan plan) =>
        _cache.Write(Kind, FileOf(WithCircumstances(key)), PlanPack.Print(_session.Version, _session.Gpu, _limits, [(WithCircumstances(key), plan)]));

    /// <summary>The plans that were built for a graph before, the first to try first.</summary>
    public IReadOnlyList<KeptPlan> Built(string key) => [.. _packs.SelectMany(pack => pack.Of(key))];

    private void Take(PlanPack pack)
    {
        if (pack.Misfit(_session.Version, _session.Gpu) is { } misfit)
            _notes.Add(misfit);
        else
            _packs.Add(pack);
    }

    private PlanPack? Read(string kind, string file)
    {
        if (_cache.Read(kind, file) is not { } bytes)
            return null;
        try
        {
            using var stream = new MemoryStream(bytes);
            return PlanPack.Read(_cache.PathOf(kind, file)!, FileContents.Read(stream, bytes.Length));
        }
        catch (FileFormatException e)
        {
            _notes.Add(e.Message);
            return null;
        }
    }

    /// <summary>What a choice depends on beside the graph.</summary>
    private string WithCircumstances(string key) => $"{key}; cuDNN {_session.Version}; {_session.Gpu?.Identity ?? _session.Device?.Name}; {_limits}";

    private static string FileOf(string key) => FileName(Sha256Hash.Hex(Encoding.UTF8.GetBytes(key)));
}
