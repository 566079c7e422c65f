using Tests.Emulator;

namespace Tests.Devices;

/// <summary>Bodies of tests that run on a device.</summary>
public abstract class TestsOnDevice(Device on) : IDisposable
{
    /// <summary>The device.</summary>
    protected Device On { get; } = on;

    /// <summary>Ends an emulated GPU, which belongs to one test. Other devices belong to a fixture.</summary>
    public void Dispose()
    {
        (On as EmulatedGpu)?.Dispose();
        GC.SuppressFinalize(this);
    }
}
