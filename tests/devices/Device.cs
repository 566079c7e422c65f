using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cuda;
using Xunit;

namespace Tests.Devices;

/// <summary>
/// The device on which the tests of an abstract class run: the tests are written once for every backend. A class adds two lines,
/// <code>
/// public sealed class VerbTestsOnCpu(Cpu cpu) : VerbTests(cpu), IClassFixture&lt;Cpu&gt;;
/// [Collection(nameof(Gpu))] public sealed class VerbTestsOnCuda(Gpu gpu) : VerbTests(gpu);
/// </code>
/// and a third, <c>...OnEmulatedCuda() : VerbTests(new EmulatedGpu())</c>, where the bodies derive from <see cref="TestsOnDevice"/>.
/// Without a GPU the second is not even listed: <see cref="CudaTests"/> is skipped for all of them.
/// </summary>
public abstract class Device
{
    /// <summary>The device, float32.</summary>
    public abstract IBackend Backend { get; }

    /// <summary>Whether a row of a product has the same bits in every batch. cuDNN and cuBLASLt choose their tiles by shape.</summary>
    public abstract bool KeepsBits { get; }

    /// <summary>How much wider golden tolerances are.</summary>
    public virtual double Widening => 1;

    /// <summary>Whether tests that may choose take small images and few versions of each.</summary>
    public virtual bool IsSlow => false;

    /// <summary>Compares two computations of the same sums: equal bits if the device guarantees that, else within float32's rounding.</summary>
    public void Same(float[] expected, float[] actual, string what)
    {
        if (KeepsBits)
            Assert.True(expected.AsSpan().SequenceEqual(actual), $"{what}: other bits");
        else
            Close.InMaxNorm(expected, actual, 1e-5, what);
    }

    /// <summary>
    /// Compares two computations of the same values through many layers: equal bits if the device guarantees that, else near in the Euclidean norm.
    /// </summary>
    public void Same(float[] expected, float[] actual, string what, double tolerance)
    {
        if (KeepsBits)
            Same(expected, actual, what);
        else
            Close.InNorm(expected, actual, tolerance, what);
    }
}

/// <summary>
/// The processor, convolutions direct: on two threads at least, so that work is always shared out. One for each class of tests.
/// </summary>
public sealed class Cpu : Device, IDisposable
{
    private readonly CpuBackend _backend = new(Math.Max(2, Environment.ProcessorCount)) { Winograd = false };

    /// <summary>Without fused multiply-add every term of a sum is rounded twice, and ten steps of Adam enlarge that.</summary>
    internal static double Rounding => Fma.IsSupported || AdvSimd.IsSupported ? 1 : 2;

    public override IBackend Backend => _backend;

    public override bool KeepsBits => true;

    public override double Widening => Rounding;

    public void Dispose() => _backend.Dispose();
}

/// <summary>The CPU with Winograd for every convolution that it can compute, also where it is slower.</summary>
public sealed class WinogradCpu : Device, IDisposable
{
    private readonly CpuBackend _backend = new(Math.Max(2, Environment.ProcessorCount)) { WinogradWhereverItFits = true };

    public override IBackend Backend => _backend;

    public override bool KeepsBits => true;

    /// <summary>Its transforms round as well.</summary>
    public override double Widening => 10 * Cpu.Rounding;

    public void Dispose() => _backend.Dispose();
}

/// <summary>
/// The first NVIDIA GPU, opened once for all tests of the collection, which run one after the other: a context and its libraries take a second to start.
/// </summary>
public sealed class Gpu : Device, IDisposable
{
    private static readonly Lazy<Diagnosis> Examined = new(() => Doctor.Examine(Precision.Float32));

    private readonly Dictionary<Precision, CudaBackend> _backends = [];

    /// <summary>Why there is no CUDA here, and how to fix it; null if there is. Where a GPU is required, cuDNN is too.</summary>
    public static string? Missing => MissingFrom(Examined.Value, IsRequired);

    /// <summary>IBA_REQUIRE_GPU=1: the tests on a GPU must run, so a missing GPU fails every one of them.</summary>
    public static bool IsRequired => Environment.GetEnvironmentVariable("IBA_REQUIRE_GPU") == "1";

    /// <summary>Whether tests on the GPU are listed. Listing them as skipped would hide other skipped tests among hundreds of lines.</summary>
    public static bool IsListed => IsRequired || Missing is null;

    public override IBackend Backend => At(Precision.Float32);

    public override bool KeepsBits => false;

    /// <summary>What is missing of a machine for its GPU to be tested; null if nothing is.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="required">
    /// Whether a missing cuDNN counts: without it every convolution test would pass on the project's own kernel and say nothing of cuDNN.
    /// </param>
    internal static string? MissingFrom(Diagnosis machine, bool required) =>
        (required ? machine.Gap : machine.Obstacle) is { } gap ? $"no CUDA: {gap.Subject}: {gap.Message}. {gap.Remedy}." : null;

    /// <summary>The GPU at a precision.</summary>
    public CudaBackend At(Precision precision)
    {
        if (!_backends.TryGetValue(precision, out CudaBackend? backend))
            _backends[precision] = backend = CudaBackend.Open(0, precision, requiresCudnn: IsRequired);
        return backend;
    }

    public void Dispose()
    {
        foreach (CudaBackend backend in _backends.Values)
            backend.Dispose();
    }
}
