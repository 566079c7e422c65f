using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Backends.Cuda.Plans;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// One NVIDIA GPU. Verbs are queued on its stream in order and return at once; only <see cref="Backend.Download"/> waits. Convolutions run
/// on cuDNN 9, matrix products on cuBLASLt, everything else (and whatever those do not support) on the kernels in cuda/. One caller at a
/// time, on any thread. Dispose it: the memory of an undisposed GPU is not freed before the process ends.
/// </summary>
public sealed class CudaBackend : Backend
{
    private readonly CudaVerbs _verbs;

    internal CudaBackend(Libraries libraries, CacheFolder cache, int ordinal, Precision precision, SearchLimits? limits = null, MemoryLimit? memory = null)
        : this(new CudaVerbs(libraries, cache, ordinal, precision, limits, memory))
    {
    }

    private CudaBackend(CudaVerbs verbs) : base(verbs) => _verbs = verbs;

    /// <summary>Opens a GPU.</summary>
    /// <param name="ordinal">Its index, from 0.</param>
    /// <param name="precision">The precision of convolutions and matrix products; float32 on devices that support nothing else.</param>
    /// <param name="requiresCudnn">Whether a missing or broken cuDNN is an error. If not, convolutions are only slow.</param>
    /// <param name="plans">How convolutions are chosen among cuDNN's engines.</param>
    /// <param name="memory">Upper bound of the memory that it takes; null for all that is free. What does not fit is a <see cref="DeviceMemoryException"/>,
    /// as on a full GPU.</param>
    /// <exception cref="NoCudaException">This machine has no CUDA, or no such device; the message has the reason and the
    /// remedy.</exception>
    /// <exception cref="Files.FileFormatException">The file of plans that <paramref name="plans"/> names is damaged.</exception>
    public static CudaBackend Open(
        int ordinal = 0, Precision precision = Precision.TensorFloat32, bool requiresCudnn = false, PlanOptions? plans = null,
        MemoryLimit? memory = null) =>
        Open(Libraries.Load(Machine.Here(), new SystemLoader()), ordinal, precision, requiresCudnn, plans, memory);

    internal static CudaBackend Open(
        Libraries libraries, int ordinal, Precision precision, bool requiresCudnn = false, PlanOptions? plans = null, MemoryLimit? memory = null)
    {
        Diagnosis diagnosis = Doctor.Examine(libraries, precision);
        if ((requiresCudnn ? diagnosis.Gap : diagnosis.Obstacle) is { } obstacle)
            throw NoCudaException.For(obstacle, diagnosis);
        if (ordinal < 0 || ordinal >= diagnosis.Devices.Count)
        {
            throw new NoCudaException($"no device cuda:{ordinal}",
                $"this machine has {string.Join(", ", diagnosis.Devices.Select(device => $"cuda:{device.Ordinal} ({device.Name})"))}",
                "Choose one of these.", diagnosis);
        }
        var backend = new CudaBackend(libraries, CacheFolder.OfUser(), ordinal, precision, (plans ?? new PlanOptions()).Limits, memory);
        if (!requiresCudnn || backend._verbs.HasCudnn)
            return backend;
        backend.Dispose();
        var refused = new Finding("cuDNN", Severity.Slower, $"does not start: {string.Join("; ", backend.Notes)}", Doctor.MendCudnn);
        throw NoCudaException.For(refused, diagnosis with { Findings = [.. diagnosis.Findings.Where(finding => finding.Subject != "cuDNN"), refused] });
    }

    /// <summary>The GPU's index and the driver's name for it.</summary>
    public string DeviceName => _verbs.DeviceName;

    /// <summary>The precision of convolutions and matrix products.</summary>
    public Precision Precision => _verbs.Precision;

    /// <summary>How each convolution and matrix product that has run is computed, and why.</summary>
    public IReadOnlyList<PlanChoice> Choices => _verbs.Choices;

    /// <summary>
    /// Called for every convolution and linear layer, with its weights (or their gradient) and the choice for it, so that choices can be
    /// listed by layer. For a captured loop it is called during warm-up and capture, not during replay.
    /// </summary>
    public Action<Tensor, PlanChoice>? Watch
    {
        set => _verbs.Watch = value;
    }

    /// <summary>cuDNN's description of the GPU, for <see cref="GpuDescription"/>; null without cuDNN 9.8 or newer.</summary>
    public string? Description
    {
        get
        {
            using Call call = Enter();
            return _verbs.Description;
        }
    }

    /// <summary>Libraries that were found and failed to start, and files of plans that were passed over.</summary>
    public IReadOnlyList<string> Notes => _verbs.Notes;

    /// <summary>Kernels that run from PTX because they were not compiled for this GPU, and why.</summary>
    public IReadOnlyDictionary<string, string> KernelNotes => _verbs.KernelNotes;

    /// <summary>Its kernels, for launches that no verb makes.</summary>
    internal Kernels Kernels => _verbs.Kernels;

    /// <summary>Waits until all queued work is done.</summary>
    public void Synchronize()
    {
        using Call call = Enter();
        _verbs.Synchronize();
    }
}
