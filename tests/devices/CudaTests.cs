using Xunit;

namespace Tests.Devices;

/// <summary>Speaks for all tests that a machine without a GPU does not list.</summary>
public sealed class CudaTests
{
    [Fact]
    public void Every_test_of_a_device_runs_on_a_GPU_too()
    {
        if (Gpu.IsRequired)
            Assert.True(Gpu.Missing is null, Gpu.Missing);
        Assert.SkipUnless(Gpu.Missing is null, Gpu.Missing ?? "");
    }
}
