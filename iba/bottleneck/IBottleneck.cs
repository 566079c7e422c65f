namespace Iba.Bottleneck;

/// <summary>A method that replaces the features of one layer by noise, each by a share 1 - λ of its own (paper, section 3.1).</summary>
public interface IBottleneck : IAttributionMethod
{
    /// <summary>
    /// Whether explanations carry their mask and the information of each neuron, <see cref="BottleneckExplanation.Mask"/> and
    /// <see cref="BottleneckExplanation.Capacity"/>. Default: they do not.
    /// </summary>
    bool KeepsMask { get; set; }

    /// <summary>The classifier with this bottleneck, for masks that are given, and with noise of another key than that of the maps.</summary>
    /// <param name="copies">Noise samples per image.</param>
    /// <exception cref="ArgumentException">There are fewer than 1, or more than a tensor can hold.</exception>
    RestrictedNetwork Restricted(int copies);
}
