using Iba.Engine.Networks;

namespace Iba.Weights;

/// <summary>How well tensor names match a network. <see cref="NetworkBuilder.Check"/> checks shapes.</summary>
internal static class NetworkNames
{
    // Prefixes that identify one family: the first block of a ResNet, the first convolution of a VGG.
    private static readonly string[] Marks = ["layer1.0.", "features.0."];

    /// <summary>Whether a name begins like one of a network's first layers.</summary>
    public static bool IsFirst(string name) => Marks.Any(mark => name.StartsWith(mark, StringComparison.Ordinal));

    /// <summary>The largest fraction of a network's names that are present: 1 if some network has all of its names.</summary>
    public static double Share(IReadOnlyCollection<string> names) =>
        Architecture.All.Max(network => (double)network.StateDict.Shared(names) / network.StateDict.Names.Count);
}
