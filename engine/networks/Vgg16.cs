using Engine.Backends;
using Engine.Tensors;

namespace Engine.Networks;

/// <summary>
/// VGG-16 (Simonyan and Zisserman 2015) as torchvision has it: thirteen 3x3 convolutions with five max pools, adaptive average pooling
/// to 7x7, three linear layers. Layers: features.0 ... features.30, avgpool, classifier.0 ... classifier.6.
/// </summary>
public static class Vgg16
{
    /// <summary>The architecture's name.</summary>
    public const string Name = "vgg16";

    /// <summary>The paper's bottleneck position: conv4_1 before its ReLU.</summary>
    public const string DefaultLayer = "features.17";

    private const int PooledSize = 7;

    /// <summary>Output channels of each convolution in torchvision; 0 is a max pool.</summary>
    private static readonly int[] Features = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0];

    /// <summary>Builds the network from wherever its numbers come from; widths are the source's.</summary>
    public static Network Build(IBackend backend, IParameterSource source)
    {
        List<Layer> layers = [];
        int channels = 3;
        foreach (int outputs in Features)
        {
            string name = $"features.{layers.Count}";
            if (outputs == 0)
            {
                layers.Add(new MaxPoolLayer(name, new ConvGeometry(2, 2)));
                continue;
            }
            ParameterPair pair = source.Convolution(name, null, 3, channels, outputs);
            layers.Add(new ConvolutionLayer(name, pair, new ConvGeometry(3, 1, 1)));
            layers.Add(new ReluLayer($"features.{layers.Count}"));
            channels = pair.Outputs;
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
        return new Network(Name, backend, layers);
    }
}
