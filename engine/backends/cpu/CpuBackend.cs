using Engine.Backends.Cpu.Simd;

namespace Engine.Backends.Cpu;

/// <summary>
/// Managed SIMD code on every core: no native library. One caller at a time, on any thread.
/// </summary>
public sealed class CpuBackend : Backend
{
    private readonly CpuVerbs _verbs;

    /// <summary>
    /// Bits of the registers that this machine's kernels compute in: 512, 256 or 128; 0 where .NET uses none. Sums are taken lane by lane, so another
    /// width rounds otherwise.
    /// </summary>
    public static int RegisterBits => Registers.Bits;

    /// <param name="threads">Cores to use; 0 for all. The result does not depend on it.</param>
    public CpuBackend(int threads = 0) : this(new CpuVerbs(threads))
    {
    }

    private CpuBackend(CpuVerbs verbs) : base(verbs) => _verbs = verbs;

    /// <summary>
    /// Whether convolutions with a window of 3 x 3 and stride 1 use Winograd's algorithm, forward and to the data, where that is faster. The
    /// transformed weights are kept and take four times the memory of the weights: that is for weights that stay as they are, not for training.
    /// </summary>
    public bool Winograd
    {
        get => _verbs.Winograd;
        init => _verbs.Winograd = value;
    }

    /// <summary>Its threads beside the caller's, for tests.</summary>
    internal IReadOnlyList<Thread> Threads => _verbs.Threads;

    /// <summary>Its memory, for tests.</summary>
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
