using CsCheck;
using Iba.Engine.Autograd;
using Xunit;

namespace Tests.Engine;

/// <summary>Where a plan puts buffers that live at different times.</summary>
public sealed class MemoryPlanTests
{
    private static readonly Gen<Lifetime[]> Lifetimes =
        Gen.Select(Gen.Long[1, 5000], Gen.Int[0, 40], Gen.Int[0, 10])
            .Select((count, birth, length) => new Lifetime(count, birth, birth + length)).Array[0, 60];

    [Fact]
    public void Buffers_that_live_at_one_time_never_overlap() => Lifetimes.Sample(lives =>
    {
        (long[] offsets, long size) = MemoryPlan.Fit(lives);
        for (int a = 0; a < lives.Length; a++)
        {
            Assert.InRange(offsets[a], 0, size - lives[a].Count);
            for (int b = 0; b < a; b++)
            {
                bool together = lives[a].Birth <= lives[b].Death && lives[b].Birth <= lives[a].Death;
                bool apart = offsets[a] + lives[a].Count <= offsets[b] || offsets[b] + lives[b].Count <= offsets[a];
                Assert.True(apart || !together, $"{lives[a]} at {offsets[a]} and {lives[b]} at {offsets[b]} overlap");
            }
        }
    }, iter: 500);

    /// <summary>256 bytes: the alignment that the widest vector loads and cuDNN need.</summary>
    [Fact]
    public void Every_buffer_begins_at_a_multiple_of_64_numbers() =>
        Lifetimes.Sample(lives => Assert.All(MemoryPlan.Fit(lives).Offsets, offset => Assert.Equal(0, offset % 64)), iter: 100);

    [Fact]
    public void A_chain_of_equal_buffers_takes_the_memory_of_two()
    {
        Lifetime[] chain = [.. Enumerable.Range(0, 50).Select(line => new Lifetime(640, line, line + 1))];
        Assert.Equal(2 * 640, MemoryPlan.Fit(chain).Size);
    }

    /// <summary>No plan is smaller than the buffers that live at the busiest moment; the greedy one exceeds that by at most a third.</summary>
    [Fact]
    public void A_plan_is_little_larger_than_the_busiest_moment() => Lifetimes.Sample(lives =>
    {
        long busiest = Enumerable.Range(0, 51).Max(moment => lives
            .Where(life => life.Birth <= moment && moment <= life.Death).Sum(life => (life.Count + 63) / 64 * 64));
        Assert.InRange(MemoryPlan.Fit(lives).Size, 0, busiest * 4 / 3 + 5000);
    }, iter: 500);
}
