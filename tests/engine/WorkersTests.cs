using Iba.Engine.Backends.Cpu;
using Xunit;

namespace Tests.Engine;

/// <summary>Guarantees of the distribution of tiles to threads.</summary>
public sealed class WorkersTests
{
    [Theory, InlineData(1), InlineData(3)]
    public void An_exception_in_a_tile_arrives_as_itself_and_the_workers_go_on(int cores)
    {
        using var workers = new Workers(cores);
        InvalidDataException thrown = Assert.Throws<InvalidDataException>(() => workers.Run(20, new Failing()));
        Assert.Equal("tile 7", thrown.Message);
        Assert.Contains(nameof(Failing), thrown.StackTrace);
        int[] done = new int[20];
        workers.Run(20, new Counting(done));
        Assert.All(done, times => Assert.Equal(1, times));
    }

    private readonly struct Failing : ITiles
    {
        public void Run(int tile, int worker)
        {
            if (tile == 7)
                throw new InvalidDataException($"tile {tile}");
        }
    }

    private readonly struct Counting(int[] done) : ITiles
    {
        public void Run(int tile, int worker) => done[tile]++;
    }
}
