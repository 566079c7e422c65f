using Engine.Networks;

namespace Iba.Bottleneck;

/// <summary>The layers that a readout reads, first the one where it restricts the flow.</summary>
public static class ReadoutLayers
{
    /// <summary>
    /// The paper's layers (Table 3): the end of every stage of ResNet-50; conv3_1, conv4_1, conv5_1 and conv5_3 of VGG-16 before their
    /// ReLU; and the logits of either.
    /// </summary>
    /// <exception cref="ArgumentException">The paper has none for this architecture.</exception>
    public static IReadOnlyList<string> Of(Network network) => network.Name switch
    {
        ResNet50.Name => ["layer1", "layer2", "layer3", "layer4", "fc"],
        Vgg16.Name => ["features.10", "features.17", "features.24", "features.28", "classifier.6"],
        _ => throw new ArgumentException($"which layers of {network.Name} a readout should read is not known. Name them.", nameof(network)),
    };
}
