namespace Iba.Bottleneck;

/// <summary>A bottleneck on its way: what its mask lets pass after some updates (paper, figure 9).</summary>
/// <param name="Updates">Updates done; 0 for the initial mask, which lets almost everything pass.</param>
/// <param name="Capacity">The information that passes each cell of the layer.</param>
/// <param name="ProbabilityRestricted">The network's probability of the class when only that passes, mean over the noise samples.</param>
public sealed record EvolutionStep(int Updates, CapacityMap Capacity, double ProbabilityRestricted)
{
    /// <summary>The numbers of updates in the paper's figure 9.</summary>
    public static IReadOnlyList<int> PaperUpdates { get; } = [0, 1, 2, 4, 6, 10];

    /// <summary>Those of the figure before the mask that a fit with these settings shows, then that of this mask.</summary>
    public static IReadOnlyList<int> UpdatesOf(BottleneckSettings settings)
    {
        int shown = settings.Steps - (settings.FinalMap == FinalMap.BeforeLastUpdate ? 1 : 0);
        return [.. PaperUpdates.Where(updates => updates < shown), shown];
    }
}
