using Iba.Engine.Tensors;

namespace Iba.Engine.Networks;

/// <summary>
/// The networks of Simonyan and Zisserman (2015) as torchvision defines them: five groups of 3x3 convolutions, each ending in a max pool,
/// then adaptive average pooling to 7x7 and three linear layers; with or without a batch norm after each convolution.
/// Layers: features.0 ... features.N, avgpool, classifier.0 ... classifier.6. A convolution with a folded batch norm has the norm's name.
/// </summary>
public static class Vgg
{
    private const int PooledSize = 7;

    /// <summary>Output channels of the convolutions of each group.</summary>
    private static readonly int[] Widths = [64, 128, 256, 512, 512];

    /// <summary>The architectures.</summary>
    public static IReadOnlyList<Architecture> Family { get; } =
    [
        Of("vgg11", false, 1, 1, 2, 2, 2), Of("vgg11_bn", true, 1, 1, 2, 2, 2),
        Of("vgg13", false, 2, 2, 2, 2, 2), Of("vgg13_bn", true, 2, 2, 2, 2, 2),
        Of("vgg16", false, 2, 2, 3, 3, 3), Of("vgg16_bn", true, 2, 2, 3, 3, 3),
        Of("vgg19", false, 2, 2, 4, 4, 4), Of("vgg19_bn", true, 2, 2, 4, 4, 4),
    ];

    /// <summary>The VGG of the paper.</summary>
    public static Architecture Vgg16 { get; } = Family.Single(architecture => architecture.Name == "vgg16");

    /// <param name="name">torchvision's name.</param>
    /// <param name="norms">Whether a batch norm follows each convolution.</param>
    /// <param name="groups">Convolutions of each group.</param>
    private static Architecture Of(string name, bool norms, params int[] groups)
    {
        int unit = norms ? 3 : 2;   // convolution, norm, ReLU
        // The paper's bottleneck is at conv4_1 of VGG-16 before its ReLU. A readout reads the first convolution of groups 3 to 5 and the
        // last of all.
        return new Architecture(name, source => Layers(source, norms, groups), DefaultLayer: Convolution(3, 0),
            ReadoutLayers: [Convolution(2, 0), Convolution(3, 0), Convolution(4, 0), Convolution(4, groups[4] - 1), "classifier.6"],
            CamLayer: $"features.{Start(5) - 1}")
        {
            LinearDeviation = 0.01,
        };

        int Start(int group) => groups.Take(group).Sum(convolutions => unit * convolutions + 1);
        string Convolution(int group, int index) => $"features.{Start(group) + unit * index + (norms ? 1 : 0)}";
    }

    private static List<Layer> Layers(IParameterSource source, bool norms, int[] groups)
    {
        List<Layer> layers = [];
        int channels = 3, at = 0;
        for (int group = 0; group < groups.Length; group++)
        {
            for (int i = 0; i < groups[group]; i++)
            {
                string convolution = $"features.{at++}", name = norms ? $"features.{at++}" : convolution;
                ParameterPair pair = source.Convolution(
                    new ConvolutionSpec(convolution, 3, channels, Widths[group]) { Norm = norms ? name : null, HasBias = true });
                layers.Add(new ConvolutionLayer(name, pair, new ConvGeometry(3, 1, 1)));
                layers.Add(new ReluLayer($"features.{at++}"));
                channels = pair.Outputs;
            }
            layers.Add(new MaxPoolLayer($"features.{at++}", new ConvGeometry(2, 2)));
        }

        layers.Add(new AveragePoolLayer("avgpool", PooledSize));
        ParameterPair first = source.Linear("classifier.0", new Shape(1, PooledSize, PooledSize, channels), 4096);
        ParameterPair second = source.Linear("classifier.3", new Shape(1, 1, 1, first.Outputs), 4096);
        ParameterPair third = source.Linear("classifier.6", new Shape(1, 1, 1, second.Outputs), 1000);
        layers.AddRange(
        [
            new LinearLayer("classifier.0", first),
            new ReluLayer("classifier.1"),
            new DropoutLayer("classifier.2"),
            new LinearLayer("classifier.3", second),
            new ReluLayer("classifier.4"),
            new DropoutLayer("classifier.5"),
            new LinearLayer("classifier.6", third),
        ]);
        return layers;
    }
}
