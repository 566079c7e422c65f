using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Device = Tests.Devices.Device;

namespace Tests.Emulator;

/// <summary>
/// The CUDA backend, by default in float32, over a <see cref="FakeGpu"/> that computes. One for each test, because fakes belong to the thread that made them.
/// </summary>
public sealed class EmulatedGpu : Device, IDisposable
{
    private readonly FakeGpu _gpu;
    private readonly CudaBackend _backend;

    /// <param name="libraries">Whether cuDNN and cuBLASLt are there. If not, the project's own kernels compute convolutions and products, too.</param>
    /// <param name="precision">Of convolutions and products; in bf16, of activations, too.</param>
    public EmulatedGpu(bool libraries = true, Precision precision = Precision.Float32)
    {
        _gpu = new FakeGpu(cudnn: libraries, cublasLt: libraries, computes: true);
        _backend = _gpu.Open(precision);
    }

    public override IBackend Backend => _backend;

    /// <summary>The fakes of the libraries sum each element separately, in double.</summary>
    public override bool KeepsBits => true;

    /// <summary>Kernels run thread by thread, products element by element.</summary>
    public override bool IsSlow => true;

    public void Dispose()
    {
        _backend.Dispose();
        _gpu.Dispose();
    }

    /// <summary>Launches a kernel, also one that no verb launches.</summary>
    internal void Run(in Launch launch) => _backend.Kernels.Run(launch);
}
