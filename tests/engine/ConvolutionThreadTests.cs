using System.Runtime.Intrinsics.X86;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cpu.Products;
using Xunit;

namespace Tests.Engine;

/// <summary>Convolutions on the CPU: no bit depends on the number of cores or the size of their caches.</summary>
public sealed class ConvolutionThreadTests
{
    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        using CpuBackend one = new(1) { Winograd = false }, pair = new(2) { Winograd = false }, three = new(3) { Winograd = false };
        foreach (ConvolutionCase c in ConvolutionCase.OfNetworks)
        {
            using TestTensors alone = new(one), two = new(pair), crowd = new(three);
            Func<TestTensors, float[]>[] verbs = [c.Forward, c.BackwardData, c.BackwardWeights];
            foreach (Func<TestTensors, float[]> verb in verbs)
            {
                float[] expected = verb(alone);
                Assert.Equal(expected, verb(two));
                Assert.Equal(expected, verb(crowd));
            }
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Any_size_of_the_L2_cache_gives_the_same_bits(bool winograd)
    {
        using CpuBackend small = new(2) { Winograd = winograd, WinogradWhereverItFits = winograd, L2CacheBytes = 32 << 10 };
        using CpuBackend large = new(2) { Winograd = winograd, WinogradWhereverItFits = winograd, L2CacheBytes = 2 << 20 };
        foreach (ConvolutionCase c in ConvolutionCase.OfNetworks)
        {
            using TestTensors few = new(small), many = new(large);
            Func<TestTensors, float[]>[] verbs = [c.Forward, c.BackwardData];
            foreach (Func<TestTensors, float[]> verb in verbs)
                Assert.Equal(verb(many), verb(few));
        }
    }

    [Fact]
    public void The_L2_cache_is_as_large_as_Linux_says()
    {
        // The size may depend on the calling core: some processors mix large and small cores.
        const string Cores = "/sys/devices/system/cpu";
        string[] sizes = !Directory.Exists(Cores) ? []
            : [.. Directory.GetDirectories(Cores, "cpu*").Select(core => Path.Combine(core, "cache/index2/size")).Where(File.Exists)];
        Assert.SkipUnless(X86Base.IsSupported && sizes.Length > 0, "asks Linux on x86");
        Assert.Contains($"{L2Cache.Bytes >> 10}K", sizes.Select(size => File.ReadAllText(size).Trim()));
    }
}
