using Engine.Backends.Cuda.Native;
using Engine.Backends.Cuda.Plans;
using Engine.Tensors;

namespace Engine.Backends.Cuda;

/// <summary>
/// One NVIDIA GPU. Verbs are sent to its stream in order and return at once; only <see cref="Backend.Download"/> waits. Convolutions run on cuDNN 9,
/// products on cuBLASLt, everything else (and whatever those will not do) on the kernels of cuda/. One caller at a time, on any thread.
/// Dispose it: a GPU that is only forgotten keeps its memory until the process ends.
/// </summary>
public sealed class CudaBackend : Backend
{
    private readonly CudaVerbs _verbs;

    internal CudaBackend(Libraries libraries, CacheFolder cache, int ordinal, Precision precision, SearchLimits? limits = null)
        : this(new CudaVerbs(libraries, cache, ordinal, precision, limits))
    {
    }

    private CudaBackend(CudaVerbs verbs) : base(verbs) => _verbs = verbs;

    /// <summary>Opens a GPU.</summary>
    /// <param name="ordinal">Its number, from 0.</param>
    /// <param name="precision">How exactly convolutions and products are computed; float32 on devices that know nothing else.</param>
    /// <param name="requiresCudnn">Whether a cuDNN that is missing or will not start is an obstacle, and not only slow.</param>
    /// <exception cref="NoCudaException">This machine has no CUDA, or no such device: the message says why and what mends it.</exception>
    public static CudaBackend Open(int ordinal = 0, Precision precision = Precision.TensorFloat32, bool requiresCudnn = false) =>
        Open(Libraries.Load(Machine.Here(), new SystemLoader()), ordinal, precision, requiresCudnn);

    internal static CudaBackend Open(Libraries libraries, int ordinal, Precision precision, bool requiresCudnn = false)
    {
        Diagnosis diagnosis = Doctor.Examine(libraries, precision);
        if ((requiresCudnn ? diagnosis.Gap : diagnosis.Obstacle) is { } obstacle)
            throw NoCudaException.For(obstacle, diagnosis);
        if (ordinal < 0 || ordinal >= diagnosis.Devices.Count)
        {
            throw new NoCudaException($"there is no device cuda:{ordinal}: this machine has "
                + $"{string.Join(", ", diagnosis.Devices.Select(device => $"cuda:{device.Ordinal} ({device.Name})"))}.", diagnosis);
        }
        var backend = new CudaBackend(libraries, CacheFolder.OfUser(), ordinal, precision);
        if (!requiresCudnn || backend._verbs.HasCudnn)
            return backend;
        backend.Dispose();
        var refused = new Finding("cuDNN", Severity.Slower, $"does not start: {string.Join("; ", backend.Notes)}", Doctor.MendCudnn);
        throw NoCudaException.For(refused, diagnosis with { Findings = [.. diagnosis.Findings.Where(finding => finding.Subject != "cuDNN"), refused] });
    }

    /// <summary>The GPU alone: its number and what the driver calls it.</summary>
    public string DeviceName => _verbs.DeviceName;

    /// <summary>How exactly convolutions and products are computed.</summary>
    public Precision Precision => _verbs.Precision;

    /// <summary>How each convolution and product that has run is computed, and why.</summary>
    public IReadOnlyList<PlanChoice> Choices => _verbs.Choices;

    /// <summary>
    /// Told of every convolution and linear layer that is sent, its weights (or their gradient) and what was chosen for it, so that choices
    /// can be told by layer. A loop is told of while it warms up and is captured, not when it is replayed.
    /// </summary>
    public Action<Tensor, PlanChoice>? Watch
    {
        set => _verbs.Watch = value;
    }

    /// <summary>Libraries that were there and did not start.</summary>
    public IReadOnlyList<string> Notes => _verbs.Notes;

    /// <summary>Kernels that were not compiled for this GPU but run from PTX, and why.</summary>
    public IReadOnlyDictionary<string, string> KernelNotes => _verbs.KernelNotes;

    /// <summary>Waits until everything that was sent has run.</summary>
    public void Synchronize()
    {
        using Call call = Enter();
        _verbs.Synchronize();
    }
}
