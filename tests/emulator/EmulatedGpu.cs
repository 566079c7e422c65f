using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Device = Tests.Devices.Device;

namespace Tests.Emulator;

/// <summary>
/// The CUDA backend in float32, cuDNN and cuBLASLt among it, over a <see cref="FakeGpu"/> that computes. One for each test, because fakes belong to
/// the thread that made them.
/// </summary>
public sealed class EmulatedGpu : Device, IDisposable
{
    private readonly FakeGpu _gpu = new(computes: true);
    private readonly CudaBackend _backend;

    public EmulatedGpu() => _backend = _gpu.Open(Precision.Float32);

    public override IBackend Backend => _backend;

    /// <summary>The fakes of the libraries sum every number for itself, in double.</summary>
    public override bool KeepsBits => true;

    /// <summary>Kernels run thread by thread, products number by number.</summary>
    public override bool IsSlow => true;

    public void Dispose()
    {
        _backend.Dispose();
        _gpu.Dispose();
    }
}
