using Iba.Engine.Backends.Cpu.Simd;

namespace Iba.Engine.Backends.Cpu;

/// <summary>Managed SIMD code on all cores; no native library. One caller at a time, on any thread.</summary>
public sealed class CpuBackend : Backend
{
    private readonly CpuVerbs _verbs;

    /// <summary>
    /// Width in bits of the SIMD registers that the kernels use: 512, 256 or 128; 0 where .NET has no SIMD. Sums are split over the lanes
    /// of a register, so another width rounds differently.
    /// </summary>
    public static int RegisterBits => Registers.Bits;

    /// <param name="threads">Number of cores to use; 0 for all. Results do not depend on it.</param>
    public CpuBackend(int threads = 0) : this(new CpuVerbs(threads))
    {
    }

    private CpuBackend(CpuVerbs verbs) : base(verbs) => _verbs = verbs;

    /// <summary>
    /// Whether convolutions with a 3 x 3 kernel and stride 1 use Winograd's algorithm where it is faster, forward and for the gradient of
    /// the data. The transformed weights are kept and take four times the memory of the weights. Switch it off where the weights change at
    /// every step.
    /// </summary>
    public bool Winograd
    {
        get => _verbs.Winograd;
        init => _verbs.Winograd = value;
    }

    /// <summary>Called with the name of the algorithm of every convolution and matrix product, as it starts.</summary>
    public Action<string>? Watch
    {
        set => _verbs.Watch = value;
    }

    /// <summary>The worker threads, without the caller's; for tests.</summary>
    internal IReadOnlyList<Thread> Threads => _verbs.Threads;

    /// <summary>The memory of the backend; for tests.</summary>
    internal CpuMemory Memory => _verbs.Memory;

    /// <inheritdoc cref="CpuVerbs.WinogradWhereverItFits"/>
    internal bool WinogradWhereverItFits
    {
        init => _verbs.WinogradWhereverItFits = value;
    }

    /// <inheritdoc cref="CpuVerbs.L2CacheBytes"/>
    internal int L2CacheBytes
    {
        init => _verbs.L2CacheBytes = value;
    }
}
