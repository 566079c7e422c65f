using Iba.Engine.Backends;
using Device = Tests.Devices.Device;

namespace Tests.Kernels;

/// <summary>
/// The project's own kernels alone, run by the CPU: also the plain convolutions and products, which a GPU with its libraries passes over.
/// </summary>
public sealed class ShimGpu : Device, IDisposable
{
    private readonly ShimBackend _backend = new(new ShimDevice(seed: 1));

    public override IBackend Backend => _backend;

    public override bool KeepsBits => true;

    public override bool IsSlow => true;

    public void Dispose() => _backend.Dispose();
}
