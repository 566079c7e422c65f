using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;
using Iba.Explaining;
using Tests.Project;
using Xunit;

namespace Tests.Explaining;

/// <summary>What is left of many photos. It runs alone: the garbage collector's heap is that of the whole process.</summary>
[Collection(nameof(LastCollection))]
public sealed class LeakTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Counted by the backend's own accounting and by the collector, not as resident memory, which depends on what the system lends.</summary>
    [Fact]
    public void Memory_is_level_over_500_explanations()
    {
        CpuBackend backend = null!;
        using var explainer = Explainer.Open(NarrowExplainer.Weights, NarrowExplainer.SaveStatistics(_folder["statistics.safetensors"]),
            NarrowExplainer.Options with { Device = () => backend = new CpuBackend(threads: 1), KeepsMasks = false });
        FileSource[] photos = [.. Enumerable.Range(0, 4).Select(seed => FileSource.Of(NarrowExplainer.Png(seed)))];
        ExplainerRequest[] requests = [new() { Method = "gradient" }, new() { Method = "per-sample:steps=1:copies=1" }];
        Explain(20);
        (long native, long managed) = Bytes();
        Explain(500);
        (long nativeAfter, long managedAfter) = Bytes();
        Assert.Equal(native, nativeAfter);
        // One map of 64 x 64 for each photo would be 8 MB.
        Assert.InRange(managedAfter - managed, long.MinValue, 1 << 20);

        void Explain(int count)
        {
            for (int i = 0; i < count; i++)
                explainer.Explain(photos[i % photos.Length], requests[i % requests.Length], TestContext.Current.CancellationToken);
        }

        (long Native, long Managed) Bytes()
        {
            for (int i = 0; i < 2; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            // What was returned is freed before the next verb starts.
            Explain(requests.Length);
            return (backend.Memory.UsedBytes, GC.GetTotalMemory(forceFullCollection: true));
        }
    }
}
