using Engine.Backends.Cpu;
using Xunit;

namespace Tests.Engine;

/// <summary>What direct convolutions promise on the processor: no bit depends on the cores.</summary>
public sealed class ConvolutionThreadTests
{
    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        using CpuBackend one = new(1) { Winograd = false }, pair = new(2) { Winograd = false }, three = new(3) { Winograd = false };
        foreach (ConvolutionCase c in ConvolutionCase.OfNetworks)
        {
            using Numbers alone = new(one), two = new(pair), crowd = new(three);
            Func<Numbers, float[]>[] verbs = [c.Forward, c.BackwardData, c.BackwardWeights];
            foreach (Func<Numbers, float[]> verb in verbs)
            {
                float[] expected = verb(alone);
                Assert.Equal(expected, verb(two));
                Assert.Equal(expected, verb(crowd));
            }
        }
    }
}
