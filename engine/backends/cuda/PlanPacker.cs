using System.Diagnostics;
using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Backends.Cuda.Plans;
using Iba.Engine.Files;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

/// <summary>Plans cannot be built on this machine.</summary>
/// <param name="subject">What is missing.</param>
/// <param name="reason">Why.</param>
/// <param name="remedy">The next step.</param>
public sealed class PlanBuildException(string subject, string reason, string remedy) : IbaException(subject, reason, remedy);

/// <summary>An engine whose plan was built for a unit.</summary>
/// <param name="Engine">cuDNN's engine and its settings.</param>
/// <param name="IsCompiled">Whether it was compiled for its graph.</param>
/// <param name="Seconds">What building the plan took, on one core.</param>
/// <param name="WorkspaceBytes">Memory that the plan needs besides the tensors.</param>
/// <param name="Bytes">The plan's size in the file.</param>
public sealed record PackedEngine(string Engine, bool IsCompiled, double Seconds, long WorkspaceBytes, int Bytes);

/// <summary>What a unit of a network gets.</summary>
/// <param name="Layers">The layers that it is for, in torchvision's spelling.</param>
/// <param name="Unit">What is computed, in words.</param>
/// <param name="Route">Which code will compute it.</param>
/// <param name="Engines">The engines whose plans are kept; none on routes without cuDNN.</param>
/// <param name="Rejected">The engines that were rejected, each with its reason.</param>
public sealed record PackedUnit(
    IReadOnlyList<string> Layers, string Unit, Route Route, IReadOnlyList<PackedEngine> Engines, IReadOnlyList<string> Rejected);

/// <summary>The result of a build.</summary>
/// <param name="Units">What each unit gets.</param>
/// <param name="Path">The file with the plans.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Cudnn">The version of cuDNN, to which the plans are bound.</param>
/// <param name="Seconds">What it took.</param>
public sealed record PackReport(IReadOnlyList<PackedUnit> Units, string Path, long Bytes, string Cudnn, double Seconds);

/// <summary>A call that runs on a backend without a device, whose convolutions get plans.</summary>
/// <param name="backend">It allocates and computes nothing.</param>
/// <returns>The layer of a weight's storage.</returns>
public delegate Func<IStorage, string> Drawing(IBackend backend);

/// <summary>
/// Builds plans of convolutions for a GPU that need not be there (cuDNN's deviceless compilation, 9.8 and newer), and packs them into a file. Needs
/// cuDNN, NVRTC and a libcuda.so.1; no GPU.
/// </summary>
public static unsafe class PlanPacker
{
    /// <summary>Builds and writes.</summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="draw">Runs what the plans are for, with one image.</param>
    /// <param name="title">The name of that, for the file's.</param>
    /// <param name="batches">Rows of a batch: images, and images times copies.</param>
    /// <param name="precision">The precision of convolutions.</param>
    /// <param name="options">How many engines a unit gets.</param>
    /// <param name="path">The file to write; null for one in the user's cache, where every later run finds it.</param>
    /// <param name="progress">Called with the units that are settled, and all units.</param>
    /// <param name="cancel">Ends the work; nothing is written then.</param>
    /// <exception cref="PlanBuildException">A library is missing or too old, or cuDNN refuses the description.</exception>
    /// <exception cref="FileWriteException">The file cannot be written.</exception>
    public static PackReport Build(
        GpuDescription gpu, Drawing draw, string title, IReadOnlyList<int> batches, Precision precision, PlanOptions options, string? path,
        Action<int, int> progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        ArgumentNullException.ThrowIfNull(draw);
        ArgumentNullException.ThrowIfNull(batches);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        // Wrong options come before missing libraries.
        SearchLimits limits = options.Limits;
        return Build(Libraries.Load(Machine.Here(), new SystemLoader(), runs: false), CacheFolder.OfUser(), gpu, draw, title, batches, precision, limits, path,
            progress, cancel);
    }

    internal static PackReport Build(
        Libraries libraries, CacheFolder cache, GpuDescription gpu, Drawing draw, string title, IReadOnlyList<int> batches, Precision precision,
        SearchLimits limits, string? path, Action<int, int> progress, CancellationToken cancel)
    {
        long start = Stopwatch.GetTimestamp();
        using CudnnSession session = Open(libraries, gpu);
        string version = Cudnn.Print((nuint)session.Version);
        string file = PlanStore.FileName($"{gpu.Name.Replace(' ', '-')}-cudnn-{version}-{title}-{precision.Word()}-{string.Join('-', batches)}");
        string to = path ?? cache.PathOf(PlanStore.Packs, file) ?? throw NoCache("there is none");
        (ConvolutionUnit Unit, IReadOnlyList<string> Layers)[] units = [.. Units(draw, batches, precision)];
        IReadOnlyList<BuiltUnit> built =
            new PackBuilder(session, limits).Build([.. units.Select(each => each.Unit)], done => progress(done, units.Length), cancel);

        // Units that differ in what follows the sum share the sum's plans.
        byte[] bytes = PlanPack.Print(session.Version, gpu, limits.Words,
            built.SelectMany(unit => unit.Plans).Select(plan => (plan.Key, plan.Plan)).DistinctBy(each => (each.Key, each.Plan.Choice.ToString())));
        if (path is not null)
            AtomicFile.Write(path, bytes, cancel);
        else if (!cache.Write(PlanStore.Packs, file, bytes))
            throw NoCache($"{to} cannot be written");
        return new PackReport([.. built.Zip(units, (unit, drawn) => new PackedUnit(drawn.Layers, unit.Unit.ToString(), unit.Route,
            [.. unit.Plans.Select(plan => new PackedEngine(
                plan.Plan.Choice.ToString(), plan.Plan.Choice.IsCompiled, plan.Seconds, plan.WorkspaceBytes, plan.Plan.Json.Length))],
            unit.Rejected))], to, bytes.Length, version, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    /// <summary>The convolutions that a GPU is asked for, with the layers that ask. A batch changes nothing but its number.</summary>
    internal static IEnumerable<(ConvolutionUnit Unit, IReadOnlyList<string> Layers)> Units(Drawing draw, IReadOnlyList<int> batches, Precision precision)
    {
        var drawn = new List<(ConvolutionUnit Unit, IStorage Weights)>();
        using var drawing = new UnitDrawing(precision, (weights, unit) => drawn.Add((unit, weights.Storage)));
        Func<IStorage, string> layer = draw(drawing);
        var units = drawn.GroupBy(each => each.Unit, each => layer(each.Weights)).ToArray();
        return batches.SelectMany(batch => units.Select(unit => (unit.Key with { N = batch }, (IReadOnlyList<string>)[.. unit.Distinct()])));
    }

    private static PlanBuildException NoCache(string reason) => new("the user's cache", reason, "Name a file: --out FILE.");

    private static CudnnSession Open(Libraries libraries, GpuDescription gpu)
    {
        if (libraries.Driver is null)
        {
            throw new PlanBuildException("no CUDA driver library",
                "cuDNN asks libcuda.so.1 for things that do not depend on a GPU", "Install it without a GPU: on Debian, package libcuda1 (non-free).");
        }
        if (libraries.Cudnn is not { } cudnn)
            throw new PlanBuildException("no cuDNN", libraries.CudnnFault ?? "it was not found, or it does not load", $"To fix it, {Doctor.MendCudnn}.");
        try
        {
            return new CudnnSession(cudnn, gpu);
        }
        catch (CudnnException e)
        {
            throw new PlanBuildException(gpu.Name, $"cuDNN {Cudnn.Print(cudnn.cudnnGetVersion())} refuses the description ({e.Reason})",
                "Building plans without a GPU needs cuDNN 9.8 or newer and a description with every field.");
        }
    }
}
