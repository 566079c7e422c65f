using System.Globalization;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>Limits of a search for plans.</summary>
/// <param name="WorkspaceBytes">Upper bound of a plan's workspace.</param>
/// <param name="Candidates">How many plans are built and timed.</param>
/// <param name="Deterministic">Whether every run must give the same bits.</param>
/// <param name="Checked">Whether a plan's result is compared with the plain sum before it is used.</param>
internal sealed record SearchLimits(long WorkspaceBytes = 512L << 20, int Candidates = 3, bool Deterministic = true, bool Checked = true)
{
    /// <summary>Whether engines that need no compilation are preferred.</summary>
    public bool FastStart { get; init; }

    /// <summary>How many plans are built at once.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>A file of plans that were built before.</summary>
    public string? Pack { get; init; }

    /// <summary>What an engine had to keep to, in words.</summary>
    public string Words => string.Create(CultureInfo.InvariantCulture, $"{(Deterministic ? "deterministic" : "any")}; "
        + $"{(Checked ? "checked" : "unchecked")}; {(FastStart ? "fast start" : "timed")}; {WorkspaceBytes} bytes");
}
