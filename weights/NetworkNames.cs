using Engine.Networks;

namespace Weights;

/// <summary>How well names of tensors fit a network. Shapes are <see cref="NetworkBuilder.Check"/>'s.</summary>
internal static class NetworkNames
{
    // Where the names of one family begin, and no other's: the first block of a ResNet, the first convolution of a VGG.
    private static readonly string[] Marks = ["layer1.0.", "features.0."];

    /// <summary>Whether a name begins as one of a network's first layers does.</summary>
    public static bool IsFirst(string name) => Marks.Any(mark => name.StartsWith(mark, StringComparison.Ordinal));

    /// <summary>The largest share of a network's names that are there: 1 where some network has all of its own.</summary>
    public static double Share(IReadOnlyCollection<string> names) =>
        Architecture.All.Max(network => (double)network.StateDict.Shared(names) / network.StateDict.Names.Count);
}
