using System.Net;
using Iba.Explaining;

namespace Iba.Service;

/// <summary>Where the service listens, and what it takes.</summary>
internal sealed record ServiceSettings
{
    /// <summary>Address and port; port 0 is any free one.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 8080);

    /// <summary>What callers must know; null if all on this machine may call.</summary>
    public ApiKey? Key { get; init; }

    /// <summary>Bytes of a photo's file at most.</summary>
    public long MostBytes { get; init; } = 20_000_000;

    /// <summary>Pixels of a photo at most.</summary>
    public long MostPixels { get; init; } = 50_000_000;

    /// <summary>Time for a photo to arrive and to be explained.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Photos that wait or are in work at most.</summary>
    public int Queue { get; init; } = 64;

    /// <summary>Photos that are explained together at most.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>The slowest that a photo may arrive, bytes a second; 0 is no bound.</summary>
    public double LeastRate { get; init; } = 240;

    /// <summary>Why the CPU is used instead of a GPU; empty if it is not.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The settings that are those of the explainer.</summary>
    public ExplainerOptions Explaining => new() { Batch = Batch, Queue = Queue, MostPixels = MostPixels };

    /// <exception cref="ArgumentException">Others could call, and nothing keeps them out.</exception>
    public void Check()
    {
        if (Key is null && !IPAddress.IsLoopback(Listen.Address))
            throw new ArgumentException($"--listen {Listen}: whoever reaches this machine could call. Give an API key by --key-file or IBA_KEY.");
    }
}
