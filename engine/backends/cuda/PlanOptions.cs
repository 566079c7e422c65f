using System.Globalization;
using Iba.Engine.Backends.Cuda.Plans;

namespace Iba.Engine.Backends.Cuda;

/// <summary>How a GPU's convolutions are chosen among cuDNN's engines.</summary>
public sealed record PlanOptions
{
    /// <summary>Upper bound of <see cref="Candidates"/>.</summary>
    public const int MostCandidates = 16;

    private const string Variable = "IBA_CUDNN_CANDIDATES";

    private const int Usual = 3;

    /// <summary>
    /// How many engines are built and timed for a convolution, from 1: more take longer to start, and may find a faster one. Default: what
    /// IBA_CUDNN_CANDIDATES says, else 3.
    /// </summary>
    public int? Candidates { get; init; }

    /// <summary>Whether engines that need no compilation are preferred: a start in a second instead of half a minute, and perhaps slower steps.</summary>
    public bool FastStart { get; init; }

    /// <summary>A file of plans that were built before; null for those in the user's cache alone. It holds code: name only a file that you trust.</summary>
    public string? Pack { get; init; }

    /// <exception cref="ArgumentException">The variable, or the number, is out of range.</exception>
    internal SearchLimits Limits
    {
        get
        {
            string? text = Environment.GetEnvironmentVariable(Variable);
            int wanted = Candidates
                ?? (string.IsNullOrEmpty(text) ? Usual : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int read) ? read : 0);
            return wanted is >= 1 and <= MostCandidates
                ? new SearchLimits(Candidates: wanted) { FastStart = FastStart, Pack = Pack }
                : throw new ArgumentException($"{(Candidates is null ? $"{Variable}={text}" : $"{wanted} candidates")}: "
                    + $"it must be a whole number from 1 to {MostCandidates}.");
        }
    }
}
